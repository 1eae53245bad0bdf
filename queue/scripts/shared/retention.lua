-- Dead and cancelled jobs are kept that long, and that many of each.
local RETAIN_MS, RETAIN_MAX = 30 * 86400000, 100000
