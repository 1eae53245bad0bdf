// ring.js — the last so many of something: memory that does not grow. Pure.

export class Ring {
    constructor(max) {
        this.max = max;
        this.items = [];
        this.next = 0; // where the oldest stands once it is full
    }

    push(item) {
        if (this.items.length < this.max) this.items.push(item);
        else this.items[this.next] = item;
        this.next = (this.next + 1) % this.max;
    }

    get length() { return this.items.length; }

    // From the oldest to the newest.
    all() {
        return this.items.length < this.max ? this.items
            : [...this.items.slice(this.next), ...this.items.slice(0, this.next)];
    }

    // The newest `count`, the newest first.
    newest(count) {
        const found = [], length = this.items.length;
        for (let i = 1; i <= Math.min(count, length); i++)
            found.push(this.items[(this.next - i + 2 * length) % length]);
        return found;
    }

    clear() {
        this.items = [];
        this.next = 0;
    }
}
