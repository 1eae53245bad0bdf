-- An entry of the outbox as {sequence =, tries =, to =, what =}; nil: it is none.
local function outbox_entry(text)
  local sequence, tries, to, what = text:match('^(%d+)/?(%d*) ([%w._-]+) (%l+ %S.*)$')
  if not sequence or #to > 64 or #sequence > 15 or tonumber(sequence) < 1 then return end
  return {sequence = tonumber(sequence), tries = tonumber(tries) or 0, to = to, what = what}
end
