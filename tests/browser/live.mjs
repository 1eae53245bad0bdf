// live.mjs — what happens is seen as it happens.
export function liveTests() {}
