-- What can be wrong with those that wait for others, and with what is to be told to other queues.
local OUTBOX_LOOKED = 10000 -- a longer outbox is not looked through for one entry
local bond_words, unbound_parents, parents_elsewhere

do
  function bond_words(bond)
    return bond:match('^(%S+) ([%w._-]+):(%S+)$')
  end

  local function readable_parents(id)
    local text = redis.call('HGET', key('parents'), id)
    local p = text and readable_rare(text)
    return p and type(p.of) == 'table' and type(p.ends) == 'table' and #p.of == #p.ends and p
  end

  -- Its parents in this queue whose end it does not know.
  local function open_parents(id)
    local p, names = readable_parents(id), {}
    for i, parent in ipairs(p and p.of or {}) do
      local where, name = parent:match('^([^:]+):(.+)$')
      if where == queue and p.ends[i] == '' then names[#names + 1] = name end
    end
    return names
  end

  local function waits_for(id, name)
    for _, parent in ipairs(score_in('waiting', id) and open_parents(id) or {}) do
      if parent == name then return true end
    end
    return false
  end

  function damaged.bad_parents(id)
    return has('parents', id) and not readable_parents(id)
  end

  function damaged.bad_bond(bond)
    return score_in('bonds', bond) and not bond_words(bond)
  end

  function damaged.lost_bond(bond)
    local parent = bond_words(bond)
    return parent and score_in('bonds', bond) and end_of(parent) ~= ''
  end

  function damaged.stray_bond(bond)
    local parent, where, child = bond_words(bond)
    return where == queue and score_in('bonds', bond) and not waits_for(child, parent)
  end

  -- What this queue is still to tell itself, each as `end CHILD QUEUE:PARENT `; nil: too much.
  local function ends_to_tell()
    if redis.call('LLEN', key('outbox')) > OUTBOX_LOOKED then return end
    local ends = {}
    for _, text in ipairs(redis.call('LRANGE', key('outbox'), 0, -1)) do
      local entry = outbox_entry(text)
      if entry and entry.to == queue then ends[entry.what:match('^end %S+ %S+ ') or ''] = true end
    end
    return ends
  end

  -- Its parents of whose end it will never hear.
  function unbound_parents(id)
    local open, names, ends = score_in('waiting', id) and open_parents(id) or {}, {}, nil
    for _, name in ipairs(open) do
      local of_child = ' ' .. queue .. ':'
      if not score_in('bonds', name .. of_child .. id) then
        ends = ends or ends_to_tell()
        if ends and not ends['end ' .. id .. of_child .. name .. ' '] then
          names[#names + 1] = name
        end
      end
    end
    return names
  end

  function damaged.unbound(id)
    return #unbound_parents(id) > 0
  end

  -- ---- across queues: `CHILD QUEUE:PARENT`

  -- Is there something for `to` in the outbox that begins so? nil: it is too long to be looked at.
  local function is_in_outbox(to, start)
    if redis.call('LLEN', key('outbox')) > OUTBOX_LOOKED then return end
    for _, text in ipairs(redis.call('LRANGE', key('outbox'), 0, -1)) do
      local entry = outbox_entry(text)
      local what = entry and entry.to == to and entry.what .. ' '
      if what and what:sub(1, #start) == start then return true end
    end
    return false
  end

  -- The parents elsewhere of one that waits, each as such a subject.
  function parents_elsewhere(id)
    local p, subjects = readable_parents(id), {}
    for i, parent in ipairs(p and p.of or {}) do
      if p.ends[i] == '' and parent:match('^[^:]+') ~= queue then
        subjects[#subjects + 1] = id .. ' ' .. parent
      end
    end
    return subjects
  end

  -- It waits, and is not still to ask. What its parent's queue knows, unknown_child has said
  -- before.
  function damaged.unheard(subject)
    local id, where, parent = subject:match('^(%S+) ([^:]+):(%S+)$')
    if not id or not score_in('waiting', id) then return false end
    local asks = 'bond ' .. parent .. ' ' .. queue .. ':' .. id .. ' '
    for _, one in ipairs(parents_elsewhere(id)) do
      if one == subject then return is_in_outbox(where, asks) == false end
    end
    return false
  end

  -- No damage by itself. PARENT QUEUE:CHILD: does this queue neither tell that child of an end, nor
  -- know that it is to?
  function damaged.unknown_child(bond)
    local parent, where, child = bond_words(bond)
    if not parent or score_in('bonds', bond) then return false end
    return is_in_outbox(where, 'end ' .. child .. ' ' .. queue .. ':' .. parent .. ' ') == false
  end

  -- ---- the outbox

  function damaged.bad_outbox(text)
    return not outbox_entry(text) and redis.call('LPOS', key('outbox'), text)
  end

  -- Its numbers do not rise, or new ones will not; what is trimmed by them would stay.
  function damaged.backward_outbox()
    local last, entry = 0, nil
    for _, text in ipairs(redis.call('LRANGE', key('outbox'), 0, OUTBOX_LOOKED - 1)) do
      entry = outbox_entry(text)
      if entry and entry.sequence <= last then return true end
      last = entry and entry.sequence or last
    end
    return last > tonumber(redis.call('HGET', key('meta'), 'outbox') or 0)
  end

  function damaged.untold(text)
    return redis.call('LPOS', key('untold'), text)
  end
end
