// dom.js — what a view says becomes elements. Text stays text: there is no way in here to make
// HTML of a string. Only what differs from the last drawing is touched, so focus, selection and
// scrolling outlive a refresh.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "use"]);
const PROPERTIES = new Set(["value", "checked", "disabled", "open", "selected", "max"]);
const LAST = Symbol("what was drawn last");

// h("a", {class: "x", href: "#/y", on: {click: f}, key: 1}, "text", node, [more], null)
export function h(tag, props, ...children) {
    return {tag, props: props ?? {}, children: flat(children)};
}

function flat(children) {
    const nothing = (child) => child === null || child === undefined || child === false;
    return children.flat(Infinity).filter((child) => !nothing(child))
        .map((child) => (typeof child === "object" ? child : String(child)));
}

export function draw(parent, ...children) {
    patchChildren(parent, flat(children));
}

function create(wanted) {
    if (typeof wanted === "string") return document.createTextNode(wanted);
    const node = SVG_TAGS.has(wanted.tag) ? document.createElementNS(SVG, wanted.tag)
                                          : document.createElement(wanted.tag);
    patch(node, wanted);
    wanted.props.made?.(node);
    return node;
}

function patch(node, wanted) {
    const last = node[LAST] ?? {};
    for (const name of Object.keys(last)) if (!(name in wanted.props)) set(node, name, undefined);
    // Before the value of a select: it must have its options to take it.
    if (!wanted.props.made || !node[LAST]) patchChildren(node, wanted.children);
    for (const [name, value] of Object.entries(wanted.props))
        if (value !== last[name]) set(node, name, value);
    node[LAST] = wanted.props;
}

function dispatch(event) {
    this[LAST]?.on?.[event.type]?.(event);
}

function set(node, name, value) {
    if (name === "key" || name === "made") return;
    if (name === "on") {
        for (const type of Object.keys(value ?? {})) node.addEventListener(type, dispatch);
    } else if (PROPERTIES.has(name) && name in node) {
        node[name] = value ?? (typeof node[name] === "boolean" ? false : "");
    } else if (name === "style" || name === "srcdoc" || name.startsWith("on")) {
        throw new Error(`no view sets ${name}`);
    } else if (name === "href" && value && !value.startsWith("#")) {
        throw new Error(`a link within this page, not ${value}`);
    } else if (value === undefined || value === null || value === false) {
        node.removeAttribute(name);
    } else {
        node.setAttribute(name, value === true ? "" : value);
    }
}

const keyOf = (node) => node[LAST]?.key;

function patchChildren(parent, wanted) {
    const keys = new Set(), known = new Map();
    for (const w of wanted) if (w.props?.key !== undefined) keys.add(w.props.key);
    for (const node of [...parent.childNodes]) {
        const key = keyOf(node);
        if (key === undefined) continue;
        if (keys.has(key)) known.set(key, node);
        else node.remove();
    }
    let at = parent.firstChild;
    for (const w of wanted) {
        const node = fitting(at, w, known);
        if (!node) {
            parent.insertBefore(create(w), at);
            continue;
        }
        if (node === at) at = at.nextSibling;
        else parent.insertBefore(node, at);
        if (typeof w !== "string") patch(node, w);
        else if (node.data !== w) node.data = w;
    }
    while (at) {
        const next = at.nextSibling;
        at.remove();
        at = next;
    }
}

function fitting(at, w, known) {
    if (typeof w === "string") return at?.nodeType === Node.TEXT_NODE ? at : null;
    const node = w.props.key === undefined ? at : known.get(w.props.key);
    if (node?.nodeType !== Node.ELEMENT_NODE || node.localName !== w.tag) return null;
    return keyOf(node) === w.props.key ? node : null;
}
