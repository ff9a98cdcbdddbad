#!lua
-- The rules of one room, run inside Redis so that every step is atomic across gateways.
--
-- `RoomModel.swift` is the same text in Swift; a differential test holds the two together to the bit. Hence:
-- integers only, all of them below 2^53, and every division is a floor of two non-negative integers.
--
-- KEYS  state sessions arrived exchanged door since seen marks journal      (all carry one hash tag)
-- ARGV  operation, its arguments, clock      (clock: '' = ask Redis; tests pass microseconds since 1970)
--
--   state      hash      the numbers named in FIELDS
--   sessions   zset      number -> expiry in microseconds; one member is one occupied slot
--   arrived    bitmap    numbers that asked after they were called
--   exchanged  bitmap    numbers that were admitted once; never cleared, so nobody is admitted twice
--   door       zset      number -> number: asked, and found no token or no slot; in order of place
--   since      zset      number -> when this stay at the door began
--   seen       zset      number -> when the visitor at the door last asked
--   marks      zset      "serving:direct" -> when now-serving came to stand there
--   journal    stream    every admission and every change of the limits in force
local STATE, SESSIONS, ARRIVED, EXCHANGED = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local HEADER = 7
local DOOR, SINCE, SEEN, MARKS, JOURNAL = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]

local TOKEN = 1000000000              -- nano-tokens in one token; microseconds x milli-tokens a second = nano-tokens
local WHOLE = 1000000                 -- parts per million in 1
local LARGEST_INTEGER = 9007199254740992
local LAST_NUMBER = 4294967295        -- the highest offset of a Redis bitmap
local LARGEST_BATCH = 1000
local MARK_GAP_MICROS = 50000         -- marks nearer than this are one mark: at most 20 a second are kept
local DOOR_SILENCE_MICROS = 1000000   -- a visitor at the door whose gateway is silent for longer is gone
local SHOW_UP_MEMORY_PLACES = 200     -- the past weighs as much as this many fresh places
local LEAST_SHOW_UP = 100000          -- parts per million; below a tenth, calling more people only floods the door
local CALL_CAP_FACTOR = 4
local JOURNAL_ENTRIES = 100000

-- Outcomes of an exchange; a positive answer is the expiry of the admitted visitor's session.
local NOT_SERVED, AT_DOOR, LAPSED, ENDED = 0, -1, -2, -3

-- All integers. `tokens` holds nano-tokens as of `refilled`; `rate` is the rate in force, the lower of `inflow`
-- (the config's) and `allowed` (the controller's; -1 = no bound). `direct` counts places admitted in the moment they
-- joined. `floor` is where now-serving stood before the oldest mark. `sampled` and `sampled_direct` say how far the
-- show-up ratio has been measured. `mark`, `mark_serving`, `mark_direct` repeat the newest mark.
local FIELDS = {
    'epoch', 'issued', 'serving', 'admitted', 'direct', 'tokens', 'refilled', 'rate', 'burst', 'slots', 'inflow',
    'allowed', 'fence', 'session', 'claim', 'horizon', 'opens', 'show_up', 'floor', 'sampled', 'sampled_direct',
    'mark', 'mark_serving', 'mark_direct',
}

local floor, max, min = math.floor, math.max, math.min

local function fail(text)
    error(redis.error_reply(text))
end

-- Lua's own tostring keeps 14 digits; microseconds since 1970 have 16.
local function text(integer)
    return string.format('%d', integer)
end

local function argument(index, name)
    local value = tonumber(ARGV[index])
    if value == nil or value ~= floor(value) or math.abs(value) > LARGEST_INTEGER then
        fail('BADARG argument ' .. index .. ' (' .. name .. ') is not an integer: ' .. tostring(ARGV[index]))
    end
    return value
end

-- One call takes only so many values from Lua's stack. The size is even: members stay with their scores.
local function inChunks(values, command, ...)
    local head = { command, ... }
    for first = 1, #values, 1000 do
        local call = { unpack(head) }
        for index = first, min(first + 999, #values) do call[#call + 1] = values[index] end
        redis.call(unpack(call))
    end
end

-- Scores and members in turn; without `score`, every number is its own.
local function scored(score, members)
    local list = {}
    for index, member in ipairs(members) do list[2 * index - 1], list[2 * index] = score or member, member end
    return list
end

local function clock()
    local given = ARGV[#ARGV]
    if given ~= '' then return argument(#ARGV, 'clock') end
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- ---------------------------------------------------------------------------------------------------- the record

-- Writes happen in `commit`; an operation that changes nothing writes nothing, so an idle room is only read.
local function set(room, field, value)
    if room[field] ~= value then
        room[field] = value
        room.changed[field] = true
    end
end

local function commit(room)
    if not room.touched and next(room.changed) == nil then return end
    local call = { 'HSET', STATE, 'tokens', room.tokens, 'refilled', room.now }
    for field in pairs(room.changed) do
        call[#call + 1] = field
        call[#call + 1] = room[field]
    end
    redis.call(unpack(call))
end

-- Exact: a product above 2^53 is rounded, but is then far above any bucket (at most 10^15).
local function refill(room)
    local elapsed = room.now - room.refilled
    if elapsed > 0 then room.tokens = min(room.burst * TOKEN, room.tokens + elapsed * room.rate) end
end

local function lowerScores(key, limit)
    local members = redis.call('ZRANGEBYSCORE', key, '(' .. text(limit), '+inf')
    inChunks(scored(limit, members), 'ZADD', key)
end

-- Redis's clock was set back (or a replica with an earlier clock took over): what lies in the future is brought to
-- the present, or it would block the room until the clock has caught up. The bucket gains nothing from it.
-- `refilled` is the detector: whatever writes a mark or a visitor at the door writes it too.
local function clockSetBack(room)
    if room.mark > room.now then
        redis.call('ZREMRANGEBYSCORE', MARKS, room.now, '+inf')
        redis.call('ZADD', MARKS, room.now, text(room.mark_serving) .. ':' .. text(room.mark_direct))
        set(room, 'mark', room.now)
    end
    lowerScores(SEEN, room.now)
    lowerScores(SESSIONS, room.now + room.session)
    room.touched = true
end

-- nil when the room is not there.
local function load(now)
    local values = redis.call('HMGET', STATE, unpack(FIELDS))
    if not values[1] then return nil end
    local room = { now = now, changed = {}, touched = false }
    for index, field in ipairs(FIELDS) do
        local value = values[index] and tonumber(values[index])
        if not value then
            fail('BADROOM field ' .. field .. ' of ' .. STATE .. ' is missing or not a number: '
                .. 'delete that key, and the next tick restores the room from what the gateways know')
        end
        room[field] = value
    end
    if now < room.refilled then clockSetBack(room) end
    refill(room)
    return room
end

local function enter()
    local room = load(clock())
    if room == nil then
        fail('NOROOM ' .. STATE .. ' is not there: tick the room first, which creates or restores it')
    end
    return room
end

local function expireSessions(room)
    redis.call('ZREMRANGEBYSCORE', SESSIONS, '-inf', room.now)
    return redis.call('ZCARD', SESSIONS)
end

-- How many visitors may be admitted now. A rate of nought holds everybody, whatever the bucket still has.
local function turns(room, sessions)
    if room.rate == 0 then return 0 end
    return max(0, min(floor(room.tokens / TOKEN), room.slots - sessions))
end

local function writeJournal(kind, room, ...)
    redis.call('XADD', JOURNAL, 'MAXLEN', '~', JOURNAL_ENTRIES, '*', 'kind', kind, 't', room.now, ...)
end

-- The bucket was refilled at the old rate up to now, so a change never reaches back in time.
local function enforce(room, burst, slots)
    local rate = room.inflow
    if room.allowed >= 0 then rate = min(rate, room.allowed) end
    if rate == room.rate and burst == room.burst and slots == room.slots then return end
    set(room, 'rate', rate)
    set(room, 'burst', burst)
    set(room, 'slots', slots)
    room.tokens = min(room.tokens, burst * TOKEN)
    writeJournal('limits', room, 'rate_milli', rate, 'burst', burst, 'slots', slots)
end

-- ----------------------------------------------------------------------------------------- the history of calling

-- The newest mark at or before `micros`: its serving, its direct; nil when all marks are younger.
local function markAt(micros)
    local found = redis.call('ZREVRANGEBYSCORE', MARKS, micros, '-inf', 'LIMIT', 0, 1)[1]
    if not found then return nil end
    local serving, direct = string.match(found, '^(%d+):(%d+)$')
    if not serving then
        fail('BADROOM member ' .. found .. ' of ' .. MARKS .. ' is not serving:direct: delete that key')
    end
    return tonumber(serving), tonumber(direct)
end

local function servingAt(room, micros)
    if room.mark <= micros then return room.mark_serving end
    return markAt(micros) or room.floor
end

local function arrivedBetween(above, upTo)
    if upTo <= above then return 0 end
    return redis.call('BITCOUNT', ARRIVED, above + 1, upTo, 'BIT')
end

-- Every called place is looked at once, two horizons after its call: by then it has come or is late.
local function sampleShowUp(room)
    if room.sampled >= room.mark_serving then return end
    local serving, direct = markAt(room.now - 2 * room.horizon)
    if not serving or serving <= room.sampled then return end
    local directs = direct - room.sampled_direct
    local places = serving - room.sampled - directs
    if places > 0 then
        local arrived = max(0, min(places, arrivedBetween(room.sampled, serving) - directs))
        local weight = SHOW_UP_MEMORY_PLACES + places
        local sum = room.show_up * SHOW_UP_MEMORY_PLACES + arrived * WHOLE
        set(room, 'show_up', max(LEAST_SHOW_UP, floor((sum + floor(weight / 2)) / weight)))
    end
    set(room, 'sampled', serving)
    set(room, 'sampled_direct', direct)
end

-- Calls as many as should use up the tokens and slots of the next horizon, given how many of the called show up.
-- Generous on purpose: `exchange` alone decides who goes in.
local function callNext(room, sessions, atDoor)
    if room.now < room.opens or room.issued == room.serving or room.rate == 0 then return end
    local inflow = room.rate * room.horizon
    local want = min(max(0, room.slots - sessions), floor((room.tokens + inflow) / TOKEN))
    local before = servingAt(room, room.now - room.horizon)
    local outstanding = room.serving - before - arrivedBetween(before, room.serving)
    local lack = want * WHOLE - atDoor * WHOLE - room.show_up * outstanding
    if lack <= 0 then return end
    local call = floor((lack + room.show_up - 1) / room.show_up)
    local cap = CALL_CAP_FACTOR * floor((room.burst * TOKEN + inflow) / TOKEN) - outstanding
    call = min(call, room.issued - room.serving, cap)
    if call > 0 then set(room, 'serving', room.serving + call) end
end

-- Marks that no rule looks at any more go; `floor` remembers where they ended.
local function pruneMarks(room)
    local cutoff = room.now - max(room.claim, 2 * room.horizon)
    local serving = markAt(cutoff)
    if not serving then return end
    set(room, 'floor', max(room.floor, serving))
    redis.call('ZREMRANGEBYSCORE', MARKS, '-inf', cutoff)
end

-- A mark that takes in a later move keeps its first time: if it moved along, it would never grow old.
local function writeMark(room)
    if room.serving == room.mark_serving then return end
    if room.mark > 0 and room.now - room.mark < MARK_GAP_MICROS then
        redis.call('ZREM', MARKS, text(room.mark_serving) .. ':' .. text(room.mark_direct))
    else
        pruneMarks(room)
        set(room, 'mark', room.now)
    end
    set(room, 'mark_serving', room.serving)
    set(room, 'mark_direct', room.direct)
    redis.call('ZADD', MARKS, room.mark, text(room.serving) .. ':' .. text(room.direct))
end

-- ------------------------------------------------------------------------------------------------------- the door

local function leaveDoor(numbers)
    if #numbers == 0 then return end
    inChunks(numbers, 'ZREM', DOOR)
    inChunks(numbers, 'ZREM', SINCE)
    inChunks(numbers, 'ZREM', SEEN)
end

-- Visitors whose gateway died would hold back everyone behind them.
local function dropSilent(room)
    local atDoor = redis.call('ZCARD', DOOR)
    if atDoor == 0 then return 0 end
    local silent = redis.call('ZRANGEBYSCORE', SEEN, '-inf', '(' .. text(room.now - DOOR_SILENCE_MICROS))
    leaveDoor(silent)
    return atDoor - #silent
end

-- `coming` begin their stay; `standing` say that they are still there.
local function standAtDoor(room, coming, standing)
    inChunks(scored(nil, coming), 'ZADD', DOOR)
    inChunks(scored(room.now, coming), 'ZADD', SINCE)
    inChunks(scored(room.now, coming), 'ZADD', SEEN)
    inChunks(scored(room.now, standing), 'ZADD', SEEN)
    room.touched = room.touched or #coming + #standing > 0
end

-- Writes what an admission leaves behind; `waits` tells how long each was at the door. Ascending numbers.
local function admit(room, numbers, waits)
    if #numbers == 0 then return end
    local grants = {}
    for index, number in ipairs(numbers) do
        redis.call('SETBIT', EXCHANGED, number, 1)
        grants[index] = text(number) .. ':' .. text(waits[index] or 0)
    end
    inChunks(scored(room.now + room.session, numbers), 'ZADD', SESSIONS)
    room.tokens = room.tokens - #numbers * TOKEN
    set(room, 'admitted', room.admitted + #numbers)
    writeJournal('exchange', room, 'g', table.concat(grants, ','))
end

-- Admits the lowest places at the door while there are tokens and slots, whichever gateway holds their requests: so
-- nobody is ever admitted past a lower place that is at the door. Their gateways learn it when they ask next.
local function settleDoor(room, left)
    if left == 0 then return {} end
    local popped = redis.call('ZPOPMIN', DOOR, min(left, LARGEST_BATCH))
    local numbers, waits = {}, {}
    for index = 1, #popped / 2 do numbers[index] = tonumber(popped[2 * index - 1]) end
    if #numbers == 0 then return numbers end
    for index, since in ipairs(redis.call('ZMSCORE', SINCE, unpack(numbers))) do
        waits[index] = max(0, room.now - tonumber(since or room.now))
    end
    inChunks(numbers, 'ZREM', SINCE)
    inChunks(numbers, 'ZREM', SEEN)
    admit(room, numbers, waits)
    return numbers
end

local function line(room, answer)
    for _, value in ipairs({
        'epoch', room.epoch, 'incarnation', 1, 'issued', room.issued, 'serving', room.serving, 'now', room.now,
    }) do answer[#answer + 1] = value end
    return answer
end

-- ------------------------------------------------------------------------------------------------------ operations

-- join COUNT -> epoch, first, count, admitted, expiry (0 when none is admitted), serving
local function join()
    local count = argument(HEADER + 2, 'count')
    if count < 1 or count > LARGEST_BATCH then
        fail('BATCH join takes 1 to ' .. LARGEST_BATCH .. ' places at once, not ' .. ARGV[HEADER + 2] .. ': split it')
    end
    local room = enter()
    local first = room.issued + 1
    if room.issued + count > LAST_NUMBER then
        commit(room)
        fail('LINEFULL all ' .. text(LAST_NUMBER) .. ' numbers of this line are handed out: open a new room')
    end
    local admitted = 0
    -- Nobody is ahead: whoever can go in now need not ask a second time.
    if room.now >= room.opens and room.issued == room.serving and redis.call('ZCARD', DOOR) == 0 then
        admitted = min(count, turns(room, expireSessions(room)))
    end
    local numbers = {}
    for index = 1, admitted do
        numbers[index] = room.issued + index
        redis.call('SETBIT', ARRIVED, numbers[index], 1)
    end
    set(room, 'issued', room.issued + count)
    set(room, 'serving', room.serving + admitted)
    set(room, 'direct', room.direct + admitted)
    admit(room, numbers, {})
    commit(room)
    local expiry = admitted > 0 and room.now + room.session or 0
    return line(room, { 'first', first, 'count', count, 'admitted', admitted, 'expiry', expiry })
end

-- A new room starts with a full bucket. A restored one starts with an empty bucket: what it spent is not known.
-- Bitmaps and sessions that outlived the record stay: they keep anybody from being admitted twice.
local function create(now, epoch, issued, serving, burst)
    redis.call('UNLINK', MARKS)
    local room = { now = now, changed = {}, touched = true }
    for _, field in ipairs(FIELDS) do
        room[field] = 0
        room.changed[field] = true
    end
    room.epoch, room.issued, room.serving, room.sampled = epoch, issued, serving, serving
    room.refilled, room.allowed, room.show_up = now, -1, WHOLE
    if issued == 0 then room.tokens = burst * TOKEN end
    return room
end

-- The gateways are ahead of this Redis by a whole epoch: its bitmaps are another line's. The bucket, the limits and
-- the controller's bound stay: they belong to the backend.
local function beginEpoch(room, epoch, issued, serving)
    redis.call('UNLINK', SESSIONS, ARRIVED, EXCHANGED, DOOR, SINCE, SEEN, MARKS)
    set(room, 'epoch', epoch)
    set(room, 'issued', issued)
    set(room, 'serving', serving)
    set(room, 'sampled', serving)
    for _, field in ipairs({ 'direct', 'sampled_direct', 'floor', 'mark', 'mark_serving', 'mark_direct' }) do
        set(room, field, 0)
    end
end

-- A Redis that lost its last second goes on where the gateways saw it, so no number is handed out twice. Arrivals of
-- that second are lost: the show-up ratio is not measured over it.
local function restore(room, issued, serving)
    if issued > room.issued then set(room, 'issued', issued) end
    if serving > room.serving then
        set(room, 'serving', serving)
        set(room, 'sampled', serving)
        set(room, 'sampled_direct', room.direct)
    end
end

-- tick INFLOW BURST SLOTS SESSION CLAIM HORIZON OPENS KNOWN_EPOCH KNOWN_ISSUED KNOWN_SERVING
-- -> the snapshot (13 integers), then expiry and numbers of those who were let in from the door
local function tick()
    local own = HEADER + 2
    local inflow, burst, slots = argument(own + 2, 'inflow'), argument(own + 3, 'burst'), argument(own + 4, 'slots')
    local session, claim = argument(own + 5, 'session'), argument(own + 6, 'claim')
    local horizon, opens = argument(own + 7, 'horizon'), argument(own + 8, 'opens')
    local epoch = argument(2, 'known epoch')
    local serving = min(argument(5, 'known serving'), LAST_NUMBER)
    local issued = max(min(argument(4, 'known issued'), LAST_NUMBER), serving)
    if epoch == 0 then issued, serving = 0, 0 end
    local now = clock()
    local room = load(now)
    if room == nil then
        room = create(now, max(1, epoch), issued, serving, burst)
    elseif epoch > room.epoch then
        beginEpoch(room, epoch, issued, serving)
    elseif epoch == room.epoch then
        restore(room, issued, serving)
    end
    set(room, 'inflow', inflow)
    set(room, 'session', session)
    set(room, 'claim', claim)
    set(room, 'horizon', horizon)
    set(room, 'opens', opens)
    enforce(room, burst, slots)
    local sessions = expireSessions(room)
    local atDoor = dropSilent(room)
    local settled = atDoor > 0 and settleDoor(room, turns(room, sessions)) or {}
    sessions = sessions + #settled
    atDoor = atDoor - #settled
    sampleShowUp(room)
    callNext(room, sessions, atDoor)
    writeMark(room)
    commit(room)
    local granted = {}
    for _, number in ipairs(settled) do
        granted[#granted + 1] = number
        granted[#granted + 1] = now + room.session
    end
    return line(room, {
        'admitted', room.admitted, 'sessions', sessions, 'door', atDoor, 'rate', room.rate, 'tokens', room.tokens,
        'burst', room.burst, 'slots', room.slots, 'show_up', floor((room.show_up + 500) / 1000), 'opens', room.opens,
        'inflow', room.inflow, 'session', room.session, 'claim', room.claim, 'horizon', room.horizon,
        'granted', granted, 'released', {}, 'events', 0, 'events_lost', 0, 'block', {},
    })
end

local function batch(skip, step)
    if (#ARGV - (skip or 0) - HEADER - 2) / (step or 1) > LARGEST_BATCH then
        fail('BATCH ' .. ARGV[1] .. ' takes at most ' .. LARGEST_BATCH .. ' numbers at once: split it')
    end
    local numbers = {}
    for index = HEADER + 2 + (skip or 0), #ARGV - 1, step or 1 do
        numbers[#numbers + 1] = argument(index, 'number')
    end
    return numbers
end

-- The numbers in ascending order, each once.
local function unique(numbers)
    local sorted, distinct = { unpack(numbers) }, {}
    table.sort(sorted)
    for _, number in ipairs(sorted) do
        if number ~= distinct[#distinct] then distinct[#distinct + 1] = number end
    end
    return distinct
end

-- What is already decided about a number that asks; nil when it may go in.
local function verdict(room, number, lapsedUpTo)
    if number < 1 or number > room.serving then return NOT_SERVED end
    if redis.call('GETBIT', EXCHANGED, number) == 1 then
        return tonumber(redis.call('ZSCORE', SESSIONS, number) or ENDED)
    end
    if number <= lapsedUpTo and redis.call('GETBIT', ARRIVED, number) == 0 then return LAPSED end
    return nil
end

-- exchange NUMBER...
-- -> one outcome for each number, in the order of the arguments; then expiry and numbers of the others let in
local function exchange()
    local numbers = batch(1)
    local room = enter()
    local left = turns(room, expireSessions(room))
    local lapsedUpTo = servingAt(room, room.now - room.claim)
    local doorEmpty = redis.call('ZCARD', DOOR) == 0
    local stands = (doorEmpty or #numbers == 0) and {} or redis.call('ZMSCORE', DOOR, unpack(numbers))
    local outcomes, coming, standing = {}, {}, {}
    for index, number in ipairs(numbers) do
        if stands[index] and number <= room.serving then
            -- Most of a batch: these have arrived and are not admitted, so no bitmap need be asked.
            standing[#standing + 1] = number
        else
            outcomes[index] = verdict(room, number, lapsedUpTo)
            if not outcomes[index] then
                redis.call('SETBIT', ARRIVED, number, 1)
                coming[#coming + 1] = number
            end
        end
    end
    local admitted = unique(coming)
    if doorEmpty and #admitted <= left then
        admit(room, admitted, {})
    else
        standAtDoor(room, admitted, standing)
        admitted = settleDoor(room, left)
    end
    commit(room)

    local others = {}
    for _, number in ipairs(admitted) do others[number] = true end
    for index, number in ipairs(numbers) do
        if not outcomes[index] then outcomes[index] = others[number] and room.now + room.session or AT_DOOR end
    end
    return line(room, { 'outcomes', outcomes })
end

-- renew NUMBER... -> for each number the new expiry, or 0 when its session is gone
local function renew()
    local numbers = batch(0, 2)
    local room = enter()
    expireSessions(room)
    local expiry = room.now + room.session
    local outcomes, live = {}, {}
    local scores = #numbers > 0 and redis.call('ZMSCORE', SESSIONS, unpack(numbers)) or {}
    for index, number in ipairs(numbers) do
        outcomes[index] = scores[index] and expiry or 0
        if scores[index] then live[#live + 1] = number end
    end
    inChunks(scored(expiry, live), 'ZADD', SESSIONS)
    commit(room)
    return line(room, { 'expiries', outcomes })
end

-- release NUMBER... -> how many slots became free
local function release()
    local numbers = batch()
    local room = enter()
    expireSessions(room)
    local freed = #numbers > 0 and redis.call('ZREM', SESSIONS, unpack(numbers)) or 0
    commit(room)
    return line(room, { 'count', freed })
end

-- leave NUMBER... -> how many were at the door; their places and their arrival stand
local function leave()
    local numbers = batch()
    local room = enter()
    local before = redis.call('ZCARD', DOOR)
    leaveDoor(numbers)
    commit(room)
    return line(room, { 'count', before - redis.call('ZCARD', DOOR) })
end

-- allow RATE FENCE -> 1 when taken, 0 when a later leader has spoken; then the rate in force
local function allow()
    local rate, fence = argument(HEADER + 2, 'rate'), argument(HEADER + 3, 'fence')
    local room = enter()
    local taken = fence >= room.fence
    if taken then
        set(room, 'fence', fence)
        set(room, 'allowed', max(-1, rate))
        enforce(room, room.burst, room.slots)
    end
    commit(room)
    return line(room, { 'taken', taken and 1 or 0, 'rate', room.rate })
end

local operations = {
    join = join, tick = tick, exchange = exchange, renew = renew, release = release, leave = leave, allow = allow,
}
local operation = operations[ARGV[1]]
if operation == nil then
    fail('BADARG operation ' .. tostring(ARGV[1]) .. ' is not known: gateways of different versions share this Redis')
end
return operation()
