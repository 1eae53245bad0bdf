#!lua flags=no-writes
--@ include key batch_row
-- batch_list: one batch, or a page of all of them in no order; changes nothing.
--
-- KEYS  1 queue
-- ARGV  1 NAME, or '' for all   2 cursor, '0' at first   3 limit, about
-- Gives {next cursor or '', row, ...}: see batch_row; one of them may come twice
local name, cursor, limit = unpack(ARGV)
local answer = {''}

local function add(name, text) answer[#answer + 1] = batch_row(name, cjson.decode(text)) end

if name ~= '' then
  local text = redis.call('HGET', key('batches'), name)
  if text then add(name, text) end
  return answer
end
local page = redis.call('HSCAN', key('batches'), cursor, 'COUNT', limit)
answer[1] = page[1] == '0' and '' or page[1]
for i = 1, #page[2], 2 do add(page[2][i], page[2][i + 1]) end
return answer
