#!/usr/bin/env python3
"""A client of the HTTP API made from its own document, /openapi.json.

    openapi_client.py URL TOKEN

Asks every operation for what it is for (EXAMPLES below) and for what it must refuse, and holds each
answer against its schema: what the document does not name is an error, too. A word on stderr for
each thing that is not as described; the exit status tells whether there was one.
"""
import http.client
import json
import re
import sys
import time
import urllib.parse

MESSAGE_MAX = 200  # characters of an error, of which some are cut
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
         "number": (int, float), "integer": int}


class Problem(Exception):
    """What was found, and where."""


# ---- schemas: the part of JSON Schema that the document uses ---------------------------------------

class Schemas:
    """strict: a property that the schema does not name is a problem."""

    def __init__(self, document):
        self.document = document

    def resolve(self, node):
        while "$ref" in node:
            path = node["$ref"]
            node = self.document
            for key in path[2:].split("/"):
                node = node[key]
        return node

    def check(self, value, schema, where, strict=True):
        schema = self.resolve(schema)
        unknown = set(schema) - {
            "type", "properties", "required", "items", "enum", "oneOf", "additionalProperties",
            "pattern", "format", "minimum", "maximum", "minLength", "maxLength", "minItems",
            "maxItems", "minProperties", "default", "description"}
        if unknown:
            raise Problem(f"{where}: the schema uses {unknown}, which this client does not know")
        self.check_type(value, schema, where)
        if "enum" in schema and value not in schema["enum"]:
            raise Problem(f"{where}: {value!r} is none of {schema['enum']}")
        if "oneOf" in schema:
            self.check_one(value, schema["oneOf"], where, strict)
        if isinstance(value, dict):
            self.check_object(value, schema, where, strict)
        elif isinstance(value, list):
            self.check_size(len(value), schema, "Items", where)
            for i, item in enumerate(value):
                self.check(item, schema.get("items", {}), f"{where}[{i}]", strict)
        elif isinstance(value, str):
            self.check_text(value, schema, where)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
                raise Problem(f"{where}: {value} is out of bounds")

    @staticmethod
    def check_type(value, schema, where):
        types = schema.get("type")
        if types is None:
            return
        types = types if isinstance(types, list) else [types]
        if isinstance(value, bool) and "boolean" not in types:
            raise Problem(f"{where}: {value!r}, expected {types}")
        if not any(isinstance(value, TYPES[t]) for t in types):
            raise Problem(f"{where}: {value!r}, expected {types}")

    def check_one(self, value, schemas, where, strict):
        fits, why = 0, []
        for schema in schemas:
            try:
                self.check(value, schema, where, strict)
                fits += 1
            except Problem as problem:
                why.append(str(problem))
        if fits != 1:
            raise Problem(f"{where}: fits {fits} of oneOf: {why}")

    def check_object(self, value, schema, where, strict):
        properties, more = schema.get("properties", {}), schema.get("additionalProperties")
        for key in schema.get("required", []):
            if key not in value:
                raise Problem(f"{where}: {key} is missing")
        self.check_size(len(value), schema, "Properties", where)
        for key, item in value.items():
            if key in properties:
                self.check(item, properties[key], f"{where}.{key}", strict)
            elif isinstance(more, dict):
                self.check(item, more, f"{where}.{key}", strict)
            elif more is False or (strict and more is None and "type" in schema):
                raise Problem(f"{where}: {key} is not in the document")

    @staticmethod
    def check_size(size, schema, what, where):
        if not schema.get("min" + what, size) <= size <= schema.get("max" + what, size):
            raise Problem(f"{where}: {size} {what.lower()}")

    @staticmethod
    def check_text(value, schema, where):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            raise Problem(f"{where}: {value!r} does not match {schema['pattern']}")
        if schema.get("format") == "date-time" and not re.fullmatch(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value):
            raise Problem(f"{where}: {value!r} is no date-time")
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            raise Problem(f"{where}: {len(value)} characters")


# ---- the client ------------------------------------------------------------------------------------

class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body
        kind = (self.headers.get("Content-Type") or "").split(";")[0]
        self.kind = kind
        self.json = json.loads(body) if kind == "application/json" and body else None


class Client:
    def __init__(self, url, token):
        self.host = urllib.parse.urlsplit(url).netloc
        self.token = token
        self.http = http.client.HTTPConnection(self.host, timeout=60)
        self.document = self.send("GET", "/openapi.json").json
        self.schemas = Schemas(self.document)
        self.operations = {}
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                operation["parameters"] = [self.schemas.resolve(p)
                                           for p in operation.get("parameters", [])]
                self.operations[operation["operationId"]] = (method.upper(), path, operation)
        self.good, self.bad = set(), set()

    def send(self, method, target, body=None, headers=None, token=True):
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        self.http.request(method, target, body=body, headers=headers)
        response = self.http.getresponse()
        return Answer(response, response.read())

    def target(self, path, operation, arguments):
        """Its path and query, and the headers of the arguments that are some."""
        query, headers = [], {}
        for name, value in arguments.items():
            parameter = next((p for p in operation["parameters"] if p["name"] == name), None)
            where = parameter["in"] if parameter else "query"
            if where == "path":
                path = path.replace("{%s}" % name, urllib.parse.quote(value, safe=":"))
            elif where == "header":
                headers[name] = value
            else:
                query += [(name, v) for v in (value if isinstance(value, list) else [value])]
        return path + ("?" + urllib.parse.urlencode(query) if query else ""), headers

    def call(self, name, arguments, body=None, token=True):
        method, path, operation = self.operations[name]
        target, headers = self.target(path, operation, arguments)
        answer = self.send(method, target, body, headers, token)
        self.check_answer(name, operation, answer)
        return answer

    def check_answer(self, name, operation, answer):
        responses = operation["responses"]
        where = f"{name} {answer.status}"
        if answer.status < 400 and str(answer.status) not in responses:
            raise Problem(f"{where}: the status is not in the document: {answer.body[:200]}")
        response = self.schemas.resolve(responses.get(str(answer.status), responses["default"]))
        for header in response.get("headers", {}):
            if header not in answer.headers:
                raise Problem(f"{where}: no header {header}")
        content = response.get("content")
        if not content:
            if answer.body:
                raise Problem(f"{where}: a body, expected none")
            return
        media = content.get(answer.kind) or content.get("*/*")
        if not media:
            raise Problem(f"{where}: {answer.kind}, expected {list(content)}")
        if answer.json is not None:
            self.schemas.check(answer.json, media["schema"], where)

    # ---- what it is for

    def check_arguments(self, name, arguments, body):
        """The example itself is as the document says."""
        _, _, operation = self.operations[name]
        known = {p["name"]: p for p in operation["parameters"]}
        for key, value in arguments.items():
            if key not in known:
                raise Problem(f"{name}: the document knows no parameter {key}")
            schema = self.schemas.resolve(known[key]["schema"])
            if schema.get("type") == "integer":
                value = int(value)
            if schema.get("type") == "boolean":
                value = value == "true"
            self.schemas.check(value, schema, f"{name} ?{key}")
        for parameter in operation["parameters"]:
            if parameter.get("required") and parameter["name"] not in arguments:
                raise Problem(f"{name}: {parameter['name']} is required")
        if body is not None:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            self.schemas.check(body, schema, f"{name} body")

    def expect(self, status, name, arguments=None, body=None):
        self.check_arguments(name, arguments or {}, body)
        answer = self.call(name, arguments or {}, body)
        if answer.status != status:
            raise Problem(f"{name}: {answer.status}, expected {status}: {answer.body[:300]}")
        self.good.add(name)
        return answer

    def expect_frame(self, name, arguments):
        """The first one of a stream, which has no end; over a connection of its own."""
        self.check_arguments(name, arguments, None)
        method, path, operation = self.operations[name]
        target, headers = self.target(path, operation, arguments)
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method, target, headers=dict(
            headers, Authorization=f"Bearer {self.token}"))
        response = connection.getresponse()
        kind = response.headers["Content-Type"].split(";")[0]
        schema = operation["responses"][str(response.status)]["content"][kind]["schema"]
        line = b""
        while not line.startswith(b"data: "):
            line = response.readline()
            if not line:
                raise Problem(f"{name}: it ended without a frame")
        connection.close()
        frame = json.loads(line[len("data: "):])
        self.schemas.check(frame, schema, f"{name} frame")
        if not frame["events"]:
            raise Problem(f"{name}: the first frame does not have the present")
        self.good.add(name)

    # ---- what it must refuse

    def refused(self, name, status, answer, what):
        if answer.status != status or "error" not in (answer.json or {}):
            raise Problem(f"{name}, {what}: {answer.status}, expected {status}: "
                          f"{answer.body[:200]}")
        self.bad.add(name)

    def sample(self, name):
        """Good values for its path, and what else is required."""
        samples = {"queue": "refused", "id": "refused:job", "name": "refused", "file": "style.css",
                   "state": "cancelled", "spec": "@daily"}
        return {p["name"]: samples[p["name"]] for p in self.operations[name][2]["parameters"]
                if p.get("required")}

    def refuse_query(self, name):
        """A query that it does not know, which tells those that it does."""
        _, _, operation = self.operations[name]
        body = {} if "requestBody" in operation else None
        answer = self.call(name, dict(self.sample(name), no_such="1"), body)
        if operation["tags"][0] == "page" or name in ("live", "ready", "metrics"):
            return  # whoever asks there may add what it likes
        self.refused(name, 400, answer, "a query that is not known")
        message = answer.json["error"]["message"]
        expected = sorted(p["name"] for p in operation["parameters"] if p["in"] == "query")
        known = message.split("expected ")[-1]
        if sorted([] if known == "no query" else known.split(", ")) != expected:
            raise Problem(f"{name}: the document says {expected}, the service: {message}")

    def refuse_method(self, name):
        _, path, operation = self.operations[name]
        target, _ = self.target(path, operation, self.sample(name))
        given = {m.upper() for m in self.document["paths"][path]}
        other = next(m for m in ("PATCH", "PUT", "DELETE") if m not in given)
        answer = self.send(other, target, {})
        self.refused(name, 405, answer, "another method")
        allowed = set(answer.headers["Allow"].split(", ")) - {"HEAD"}
        if allowed != given:
            raise Problem(f"{path}: the document says {given}, the service allows {allowed}")

    def refuse_path(self, name):
        for p in self.operations[name][2]["parameters"]:
            if p["in"] == "path" and "pattern" in self.schemas.resolve(p["schema"]):
                arguments = dict(self.sample(name), **{p["name"]: "no name"})
                body = self.body_sample(name)
                self.refused(name, 400, self.call(name, arguments, body), "a bad path")

    def body_sample(self, name):
        """Something that gets past the reading of the body, where that comes first."""
        bodies = {"putSchedule": {"cron": "@daily", "kind": "x"}, "enqueue": {"kind": "x"},
                  "boundQueue": {"max_jobs": 1}, "editJob": {"priority": 1}, "limitQueue": {},
                  "openBatch": {}, "progressJob": {"token": "x", "percent": 1},
                  "backfillSchedule": {"from": "2026-01-01T00:00:00Z",
                                       "to": "2026-01-02T00:00:00Z"}}
        operation = self.operations[name][2]
        if "requestBody" not in operation:
            return None
        return bodies.get(name, [] if name.endswith("Jobs") else {"token": "x"})

    def refuse_role(self, name):
        """Without a token, what is not for everybody who is here."""
        security = self.operations[name][2]["security"]
        if not security or {} in security:
            return
        answer = self.call(name, self.sample(name), self.body_sample(name), token=False)
        self.refused(name, 401, answer, "no token")

    def refuse_body(self, name):
        operation = self.operations[name][2]
        if "requestBody" not in operation:
            if self.operations[name][0] == "POST":
                answer = self.call(name, self.sample(name), {"no_such": 1})
                self.refused(name, 400, answer, "a body where none is taken")
            return
        schema = self.schemas.resolve(operation["requestBody"]["content"]["application/json"]
                                      ["schema"])
        for body in ("{", "", "\"text\"", "{\"a\":1,\"a\":1}", b"{\"\xff\":1}"):
            answer = self.call(name, self.sample(name), body)
            self.refused(name, 400, answer, f"the body {body!r}")
        for one in [self.schemas.resolve(s) for s in schema.get("oneOf", [schema])]:
            if one["type"] == "array":
                self.refuse_keys(name, self.schemas.resolve(one["items"]), lambda o: [o])
            else:
                self.refuse_keys(name, one, lambda o: o)

    def refuse_keys(self, name, schema, wrap):
        """A key that is not in the document (what is said then may list those that are), and each
        that is, with a value that can not be right: it must be known all the same."""
        answer = self.call(name, self.sample(name), wrap({"no_such": 1}))
        self.refused(name, 400, answer, "a key that is not known")
        message = answer.json["error"]["message"]
        words = re.split(", | or ", message.split("expected ")[-1])
        if all(re.fullmatch("[a-z0-9_]+", w) for w in words) and "no_such" in message:
            words = words[:-1] if len(message) >= MESSAGE_MAX else words  # it was cut there
            known = set(schema["properties"])
            if not set(words) <= known or (len(message) < MESSAGE_MAX and set(words) != known):
                raise Problem(f"{name}: the document says {list(schema['properties'])}, "
                              f"the service: {message}")
        for key in schema["properties"]:
            answer = self.call(name, self.sample(name), wrap({key: {"no": 1}}))
            message = answer.json["error"]["message"] if answer.status >= 400 else ""
            if re.search(f"(key )?'?{key}'? (is unknown|cannot)|unknown key '{key}'", message):
                raise Problem(f"{name}: the document says {key}, the service: {message}")

    def refuse_all(self):
        for name in self.operations:
            for refuse in (self.refuse_query, self.refuse_method, self.refuse_path,
                           self.refuse_role, self.refuse_body):
                yield lambda: refuse(name)


# ---- examples: each operation as it is meant --------------------------------------------------------

def wait_for(client, name, arguments, done):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        answer = client.expect(200, name, arguments)
        if done(answer.json):
            return answer
        time.sleep(0.05)
    raise Problem(f"{name} {arguments}: never came true: {answer.json}")


def look_around(c):
    c.expect(200, "page")
    c.expect(200, "pageFile", {"file": "style.css"})
    c.expect(200, "openapi")
    c.expect(200, "live")
    c.expect(200, "ready")
    c.expect(200, "metrics")
    c.expect(200, "health")
    c.expect(200, "caller")
    c.expect(200, "stats")
    c.expect_frame("followEvents", {"type": ["queue", "server"], "queue": ["default"],
                                    "with": "kind", "frames": "2"})
    c.expect(200, "listServers", {"limit": "1"})
    c.expect(200, "explainCron", {"spec": "30 2 * * *", "tz": "Europe/Berlin", "dst": "both",
                                  "from": "2026-10-24", "count": "3", "name": "n"})


def make_jobs(c):
    """In all states, with all that a job may have."""
    c.expect(200, "pauseQueue", {"queue": "still"})
    c.expect(201, "enqueue", {"queue": "still", "Idempotency-Key": "first"},
             {"kind": "wc", "payload": "a b", "priority": 3, "attempts_max": 2, "tags": ["x", "y"],
              "backoff": "fixed:5s", "timeout_ms": 60000, "lease_ms": 20000, "expires_ms": 3600000,
              "retain_ms": 60000, "group": "g", "unique": "u", "traceparent":
              "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    c.expect(200, "enqueue", {"queue": "still"}, {"kind": "wc", "unique": "u", "replace": True})
    c.expect(201, "enqueue", {"queue": "still"},
             [{"kind": "wc", "id": "later", "in_ms": 3600000, "payload": {"any": [1, None]}},
              {"kind": "wc", "id": "child", "after": ["still:first"], "after_any_outcome": True},
              {"kind": "wc", "id": "bytes", "payload_base64": "/wA="}, {"kind": "wc", "id": "gone"},
              {"kind": "wc", "id": "at", "run_at": "2099-01-01T00:00:00Z", "queue": "still"}])
    c.expect(201, "enqueue", {"queue": "default"},
             [{"kind": "wc", "id": "ran", "payload": "a b c", "retain_ms": 600000},
              {"kind": "bad", "id": "dead", "attempts_max": 1}, {"kind": "bad", "id": "again"}])
    wait_for(c, "showJob", {"id": "default:ran"}, lambda j: j["state"] == "done")
    wait_for(c, "showJob", {"id": "default:dead"}, lambda j: j["state"] == "dead")
    wait_for(c, "showJob", {"id": "default:again"}, lambda j: j["state"] == "retry")


def steer_jobs(c):
    c.expect(200, "editJob", {"id": "still:later"}, {"priority": 1, "payload": "new", "in_ms": 9000})
    c.expect(200, "editJob", {"id": "still:at"}, {"run_at": "2098-01-01T00:00:00+02:00",
                                                  "payload_base64": "/wA="})
    c.expect(200, "runJob", {"id": "still:later"})
    c.expect(200, "cancelJob", {"id": "still:gone"})
    for job in ("still:first", "still:child", "still:bytes", "still:gone", "still:at"):
        c.expect(200, "showJob", {"id": job})
    for job in ("first", "child", "later", "gone", "at"):
        c.expect(200, "explainJob", {"id": f"still:{job}"})
    for job in ("ran", "dead", "again"):
        c.expect(200, "explainJob", {"id": f"default:{job}"})
    c.expect(200, "jobResult", {"id": "default:ran", "wait": "1s"})
    c.expect(202, "jobResult", {"id": "still:first"})
    c.expect(200, "jobOutput", {"id": "default:dead"})
    c.expect(200, "jobOutput", {"id": "still:first", "wait": "10ms", "after": "0,0"})
    c.expect(200, "retryJob", {"id": "still:gone"})
    c.expect(200, "deleteJob", {"id": "still:gone"})


def list_jobs(c):
    for name, arguments in (("listJobs", {}), ("listJobs", {"queue": "still"}),
                            ("listJobsOfQueue", {"queue": "still"})):
        seen, after = [], {}
        while True:
            page = c.expect(200, name, dict(arguments, limit="2", **after)).json
            seen += [job["id"] for job in page["items"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        if len(seen) < 5 or len(set(seen)) != len(seen):
            raise Problem(f"{name} {arguments}: its pages do not join up: {seen}")
    c.expect(200, "listJobs", {"state": "dead", "kind": "bad", "error": "exit",
                               "newer_than": "1h"})
    c.expect(200, "listJobsOfQueue", {"queue": "still", "state": "scheduled", "tag": "x",
                                      "older_than": "1s"})


def change_many(c):
    c.expect(200, "retryJobs", {"queue": "default", "state": "dead", "kind": "bad"})
    c.expect(200, "cancelJobs", {"queue": "still", "state": "scheduled", "tag": "none"})
    c.expect(200, "deleteJobs", {"queue": "still", "state": "cancelled", "newer_than": "1h"})
    c.expect(200, "purgeQueue", {"queue": "purged"})


def work(c):
    c.expect(201, "enqueue", {"queue": "work"}, [{"kind": "w", "id": f"w{i}"} for i in range(7)])
    lease = {"queue": "work", "kind": ["w", "x.*"], "worker": "me", "lease_ms": "5000"}
    token = {}
    for max_ in ("1", "6"):
        for job in c.expect(200, "lease", dict(lease, max=max_, wait="5s")).json["items"]:
            token[job["id"]] = job["token"]
    def of(*ids, **more):
        return [dict({"id": f"work:w{i}", "token": token[f"work:w{i}"]}, **more) for i in ids]
    def one(name, i, **more):
        c.expect(200, name, {"id": f"work:w{i}"}, dict({"token": token[f"work:w{i}"]}, **more))
    one("extendJob", 0, lease_ms=60000)
    one("progressJob", 0, percent=50, note="half")
    c.expect(200, "showJob", {"id": "work:w0"})
    c.expect(200, "explainJob", {"id": "work:w0"})
    one("ackJob", 0, result={"any": 1})
    one("failJob", 1, error="no", retry_in_ms=1000)
    c.expect(200, "extendJobs", {"queue": "work"}, of(2, 3, lease_ms=60000))
    c.expect(200, "ackJobs", {"queue": "work"}, of(2, result="text") + of(3, result_base64="/wA="))
    c.expect(200, "failJobs", {"queue": "work"}, of(4, error="no", retry=False))
    stale = c.call("ackJobs", {"queue": "work"}, of(5) + [{"id": "work:w9", "token": "1"}])
    if stale.status != 409 or "error" not in stale.json[1] or "error" in stale.json[0]:
        raise Problem(f"ackJobs, one of them stale: {stale.status} {stale.json}")
    c.refused("ackJob", 409, c.call("ackJob", {"id": "work:w5"}, {"token": "1"}), "a stale token")


def queues(c):
    c.expect(200, "listQueues", {"limit": "2", "after": "default"})
    c.expect(200, "showQueue", {"queue": "default"})
    c.expect(200, "limitQueue", {"queue": "bound"},
             {"queue": {"concurrency": 5}, "kinds": {"sms": {"rate": "100/1s", "burst": 10}},
              "groups": {"a": {"concurrency": 1}}, "each_group": {"concurrency": 2}})
    c.expect(200, "boundQueue", {"queue": "bound"}, {"max_jobs": 10, "max_bytes": 100000,
                                                     "keep_jobs": 5, "keep_ms": None})
    c.expect(200, "showQueue", {"queue": "bound"})
    c.expect(200, "drainQueue", {"queue": "bound"})
    c.expect(200, "drainQueue", {"queue": "bound", "off": "true"})
    c.expect(200, "resumeQueue", {"queue": "bound"})


def batches(c):
    batch = {"queue": "still", "name": "b"}
    c.expect(201, "openBatch", batch, {"on_complete": {"kind": "wc", "payload": "x"}})
    c.expect(200, "openBatch", batch, {"on_complete": {"kind": "wc", "payload": "x"}})
    c.expect(201, "openBatch", dict(batch, name="c"), {})
    c.expect(201, "enqueue", {"queue": "still"}, {"kind": "wc", "batch": "b", "id": "member"})
    c.expect(200, "listBatches", {"queue": "still", "limit": "10"})
    c.expect(200, "closeBatch", batch)
    c.expect(200, "showBatch", batch)
    c.expect(200, "showJob", {"id": "still:member"})


def schedules(c):
    s = {"name": "s"}
    made = c.expect(201, "putSchedule", dict(s, **{"If-None-Match": "*"}),
                    {"cron": "*/5 * * * *", "tz": "Europe/Berlin", "dst": "once-late",
                     "overlap": "allow", "catch_up": "all", "within_ms": 60000, "jitter_ms": 10,
                     "kind": "wc", "payload": "x", "tags": ["t"], "group": "g", "priority": 2,
                     "start": "2026-01-01T00:00:00Z", "end": "2090-01-01T00:00:00Z", "limit": 9})
    c.expect(200, "showSchedule", s)
    c.expect(304, "showSchedule", dict(s, **{"If-None-Match": made.headers["ETag"]}))
    c.expect(200, "pauseSchedule", s)
    c.expect(200, "resumeSchedule", s)
    c.expect(200, "nextOfSchedule", dict(s, count="3"))
    c.expect(201, "runSchedule", s)
    c.expect(200, "backfillSchedule", s, {"from": "2026-11-01T00:00:00Z",
                                          "to": "2026-11-01T00:30:00Z", "dry_run": True})
    c.expect(200, "backfillSchedule", s, {"from": "2026-11-01T00:00:00Z",
                                          "to": "2026-11-01T00:10:00Z"})
    shown = c.expect(200, "showSchedule", s)
    again = c.expect(200, "putSchedule", dict(s, **{"If-Match": shown.headers["ETag"]}), shown.json)
    if again.headers["ETag"] != shown.headers["ETag"]:
        raise Problem(f"a schedule that was put back as it was is another: {again.json}, "
                      f"was {shown.json}")
    c.expect(201, "putSchedule", {"name": "every"}, {"every_ms": 3600000, "kind": "wc"})
    c.expect(201, "putSchedule", {"name": "once"}, {"at": "2090-01-01T00:00:00Z", "kind": "wc"})
    page = c.expect(200, "listSchedules", {"limit": "2", "queue": "default"}).json
    c.expect(200, "listSchedules", {"after": page["next"]})
    refused = c.call("putSchedule", dict(s, **{"If-Match": "\"99\""}), {"at": None, "every_ms": 1000,
                                                                       "kind": "wc"})
    c.refused("putSchedule", 412, refused, "another revision")
    refused = c.call("removeSchedule", dict(s, **{"If-Match": "\"99\""}))
    c.refused("removeSchedule", 412, refused, "another revision")
    c.expect(200, "removeSchedule", dict(s, **{"If-Match": shown.headers["ETag"]}))


def servers(c):
    """At last: the server leaves."""
    server = {"name": c.expect(200, "health").json["server"]}
    c.expect(200, "quietServer", server)
    c.expect(200, "resumeServer", server)
    c.expect(200, "stopServer", server)


EXAMPLES = (look_around, make_jobs, steer_jobs, list_jobs, change_many, work, queues, batches,
            schedules)


def main(url, token):
    client = Client(url, token)
    problems = []

    def attempt(what):
        try:
            what()
        except Problem as problem:
            problems.append(str(problem))

    for example in EXAMPLES:
        attempt(lambda: example(client))
    for refusal in client.refuse_all():
        attempt(refusal)
    attempt(lambda: servers(client))
    problems += [f"{name}: no good request of this client's" for name in client.operations
                 if name not in client.good]
    problems += [f"{name}: no request of this client's was refused" for name in client.operations
                 if name not in client.bad]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(client.operations)} operations, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
