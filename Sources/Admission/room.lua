#!lua
-- The rules of one room, run inside Redis so that every step is atomic across gateways. Version 2 of the record.
--
-- `RoomModel.swift` is the same text in Swift; a differential test holds the two together to the bit. Hence:
-- integers only, all of them below 2^53, and every division is a floor of two non-negative integers.
--
-- ARGV  operation, then what the caller knows (epoch incarnation issued serving sessions void_before stated, and the
--       room's time as the caller reckons it by a clock that nobody sets; noughts: nothing), run (a hash of the
--       server's run id; 0: not known), the gaps that the caller knows of ("from-to,from-to"), the operation's own
--       arguments, clock ('': ask Redis)
-- Answers are names and values in turn. The work of a call is bounded: batches of at most 500 ids, and a part of what
-- has to be cleared away at a time.
--
-- KEYS (all carry one hash tag; the first nine are those of version 1, whose scripts may run beside this one)
--   state      hash      the fields below; fields of later versions are left alone
--   sessions   zset      id -> expiry in microseconds; one member is one occupied slot
--   arrived    bitmap    numbers that asked after they were called
--   exchanged  bitmap    numbers that were admitted once; never cleared, so nobody is admitted twice
--   door       zset      number -> number: asked, and found no token or no slot; in order of place
--   since      zset      id -> when this stay at the door began
--   seen       zset      number -> when the visitor at the door last asked: by gateways of version 1 only
--   marks      zset      "serving:direct" -> when now-serving came to stand there
--   journal    stream    every admission, every change of the limits in force, every loss
--   owners     hash      id at the door -> the gateway that holds the request
--   gateways   hash      gateway -> "when it last ticked:healthy workers it sees:when it came back from a silence"
--   events     zset      "g" (let in from the door) or "r" (released), and the id -> number of the event
--   released   zset      id -> until when a pass of it could live
--   carried    set       ids of older lines that were admitted
--   early      zset      as `door`, for ids of older lines: version 1 must not meet negative numbers
local STATE, SESSIONS, ARRIVED, EXCHANGED = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local DOOR, SINCE, SEEN, MARKS, JOURNAL = KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local OWNERS, GATEWAYS, EVENTS, RELEASED, CARRIED, EARLY =
    KEYS[10], KEYS[11], KEYS[12], KEYS[13], KEYS[14], KEYS[15]

local VERSION = 2
local TOKEN = 1000000000              -- nano-tokens in one token; microseconds x milli-tokens a second = nano-tokens
local WHOLE = 1000000                 -- parts per million in 1
local LARGEST_INTEGER = 9007199254740992
local LAST_NUMBER = 4294967295        -- the highest offset of a Redis bitmap
local LINE_SPAN = 4294967296          -- an id of an older line is number - LINE_SPAN x (epoch - its epoch)
local OLDEST_SECONDS = 1048576
local LOWEST_ID = -LINE_SPAN * OLDEST_SECONDS
local LARGEST_BATCH = 500              -- ids of a call, and visitors at the door that it looks at
local MAX_OLDER_LINES, MAX_GAPS, MAX_BLOCKS, MAX_PAUSES = 4, 8, 64, 8
local REGRESS_GAP, LARGEST_BLOCK, BLOCK_LEAD, BLOCK_NEAREST = 65536, 4096, 8192, 4096
local BLOCK_SPAN = BLOCK_LEAD + MAX_BLOCKS * LARGEST_BLOCK
local REGRESS_STEPS, REGRESS_STEP_MICROS = 16, 100000
local MARK_GAP_MICROS = 50000         -- marks nearer than this are one mark: at most 20 a second are kept
local MARKS_OF_A_CLAIM, MARKS_THINNED_AT_ONCE = 2048, 4
local DOOR_SILENCE_MICROS = 1000000   -- visitors at the door whose gateway is silent for longer are gone
local DOOR_SWEEP = 256
local HEARTBEAT_MICROS, HEALTH_MICROS, GATEWAY_MEMORY_MICROS = 250000, 3000000, 60000000
local ALLOWED_LEASE_MICROS, SILENCE_MICROS = 3000000, 3000000
local RECKONING_MICROS = 1000000      -- a call may be on its way for so long
local EVENTS_KEPT, EVENTS_TOLD = 8192, 1000
local RETURN_SWEEP = 4000             -- visitors looked at when a gateway comes back
local PER_MILLE = 1000
local SHOW_UP = {
    MEMORY_PLACES = 200,              -- the past weighs as much as this many fresh places,
    PRIOR_PLACES = 4,                 -- as nearly nothing in a new room
    SETTLED_HORIZONS = 4,             -- older calls are looked at no more
    LEAST = 20000,                    -- parts per million; below, calling more people only floods the door
}
local ENDS = {
    MEMORY = 3,                       -- how much the measured ends of sessions weigh against the latest
    SILENCE_HORIZONS = 4,             -- after a longer pause their measure begins anew
}
local CALL_CAP_FACTOR, OLDER_CALL_FACTOR, OLDER_CALL_MICROS = 50, 4, 30000000
local EXPIRED_AT_ONCE = 1000
local KEEP_MICROS, TRIMMED_AT_ONCE = 60000000, 1000
-- Keys whose loss alone is noticed: sessions, arrived, exchanged, door, owners, events, released, carried, early. Without
-- `marks` less is called for half a horizon, without `gateways` their next ticks tell all, and `since` only measures.
-- What is done about it are fields, as Lua takes 200 local names at the top of a script.
local watched = { 2, 3, 4, 5, 10, 12, 13, 14, 15 }

-- Outcomes of an exchange; a positive answer is the expiry of the admitted visitor's session.
local OUTCOME = { NOT_SERVED = 0, AT_DOOR = -1, LAPSED = -2, ENDED = -3, VOID = -4 }

-- Integers, with what a missing one means. `tokens` holds nano-tokens as of `refilled`, on the room's time, which is
-- the clock plus `skew` and never goes back; `moved` repeats `refilled`: version 1, which sets the room's time back
-- with the clock, does not know it. `rate` is the rate in force: `inflow`, bounded by the controller's `allowed` (-1 =
-- no bound) until `allowed_until`, by the fallback after it. `direct` counts places admitted in the moment they joined.
-- `floor` is where now-serving stood before the oldest mark. `sampled` and `sampled_direct` say how far the show-up
-- ratio has been measured, `show_up_places` over how many places, 200 at most. `ends` are thousandths of a session that
-- end within a horizon, `due_mean` thousandths that are about to expire, last measured at `ends_at`, when `ends_before`
-- had ended and `due` were about to expire. `mark`, `mark_serving`, `mark_direct` repeat the newest mark, `coarse` is
-- how far marks are thinned, `swept` how far the door. `retention` is how many milliseconds all of it lives on when
-- nobody ticks the room.
-- `asked` is when a gateway last called: the controller's calls are none. `inside_until`: a silence has gone by, the
-- first to call after it did not know the line; until then the others may say how many were inside before it.
-- `regressed` is the last number before those that the latest loss skipped. Until `waits_until` gateways may still tell
-- which of those were handed out.
-- `present` says which of the watched keys the last call left behind, one bit each, `inside` how many live sessions; what
-- is missing since was deleted or evicted, unless a script of version 1 has written to this line (`mixed` says when it
-- was last noticed): that one removes without a word.
-- `away` is since when the gateways are to say anew who stands at their doors. Sessions that ran out between
-- `silent_from` and `silent_to`, a silence, are kept for one session's length: who never got the pass is let in.
-- `needs` is the least version of a script that may write the record. `heard` is the highest generation of the settings
-- that a gateway has heard of here; until `heard_until` its limits may still come back.
local FIELDS = {
    'epoch', 'issued', 'serving', 'admitted', 'direct', 'tokens', 'refilled', 'rate', 'burst', 'slots', 'inflow',
    'allowed', 'fence', 'session', 'claim', 'horizon', 'opens', 'show_up', 'floor', 'sampled', 'sampled_direct',
    'mark', 'mark_serving', 'mark_direct', 'version', 'needs', 'incarnation', 'run', 'skew', 'moved', 'generation',
    'stale', 'conflicts', 'allowed_until', 'held', 'older_called', 'void_before', 'lost', 'lost_until', 'events',
    'coarse', 'swept', 'trimmed', 'kept', 'retention', 'asked', 'inside_until', 'regressed', 'waits_until',
    'show_up_places', 'ends', 'ends_at', 'ends_before', 'due', 'due_mean', 'heard', 'heard_until',
    'present', 'inside', 'mixed', 'away', 'silent_from', 'silent_to',
}
local DEFAULTS = { allowed = -1, show_up = WHOLE, incarnation = 1, needs = 1 }
-- Short lists in one text: gaps "from-to,...", older lines "epoch:issued:serving,...", leased blocks
-- "start:end:gateway,...", times in which nobody could ask "until:microseconds,...", and the limits that every tick
-- enforces.
local TEXTS = { 'gaps', 'older', 'blocks', 'limits', 'pauses' }

local floor, max, min = math.floor, math.max, math.min

local function fail(text)
    error(redis.error_reply(text))
end

-- Lua's own tostring keeps 14 digits; microseconds since 1970 have 16.
local function text(integer)
    return string.format('%d', integer)
end

-- ------------------------------------------------------------------------------------------------------- arguments

local function argument(index, name)
    local value = tonumber(ARGV[index])
    if value == nil or value ~= floor(value) or math.abs(value) > LARGEST_INTEGER then
        fail('BADARG argument ' .. index .. ' (' .. name .. ') is not an integer: ' .. tostring(ARGV[index]))
    end
    return value
end

local function argumentWithin(index, name, least, most)
    local value = argument(index, name)
    if value < least or value > most then
        fail('BADARG argument ' .. index .. ' (' .. name .. ') is out of range: ' .. ARGV[index])
    end
    return value
end

local FIRST_OWN = 12                  -- where the operation's own arguments begin

local function knownMarks()
    local known = {
        epoch = argumentWithin(2, 'known epoch', 0, LAST_NUMBER),
        incarnation = argumentWithin(3, 'known incarnation', 0, LARGEST_INTEGER - 1),
        issued = argumentWithin(4, 'known issued', 0, LARGEST_INTEGER),
        serving = argumentWithin(5, 'known serving', 0, LARGEST_INTEGER),
        sessions = argumentWithin(6, 'known sessions', 0, LARGEST_INTEGER),
        void_before = argumentWithin(7, 'known void_before', 0, LAST_NUMBER),
        stated = argumentWithin(8, 'known stated', 0, LARGEST_INTEGER),
        reckoned = argumentWithin(9, 'reckoned', 0, LARGEST_INTEGER),
        run = argumentWithin(10, 'run', 0, LARGEST_INTEGER),
        gaps = {},
    }
    for entry in string.gmatch(ARGV[11] or '', '[^,]+') do
        local from, to = string.match(entry, '^(%d+)-(%d+)$')
        local gap = { from = tonumber(from), to = tonumber(to) }
        if from == nil or gap.from < 1 or gap.from > gap.to or gap.to > LAST_NUMBER or #known.gaps == MAX_GAPS then
            fail('BADARG the known gaps are not from-to,from-to: ' .. string.sub(ARGV[11], 1, 64))
        end
        known.gaps[#known.gaps + 1] = gap
    end
    return known
end

-- Within what a record can hold, and in order.
local function bounded(known)
    if known.epoch == 0 then
        return {
            epoch = 0, incarnation = 0, issued = 0, serving = 0, sessions = 0, void_before = 0, stated = 0,
            run = known.run, gaps = {},
        }
    end
    known.serving = min(known.serving, LAST_NUMBER)
    known.issued = max(min(known.issued, LAST_NUMBER), known.serving)
    known.stated = min(known.stated, known.issued)
    known.void_before = min(known.void_before, known.epoch)
    return known
end

local function gatewayArgument(index)
    local name = ARGV[index] or ''
    if #name < 1 or #name > 64 or name == '-' or string.find(name, '[^%w%._%-]') then
        fail('BADARG gateway ' .. name .. ' is not 1 to 64 letters, digits, dots, dashes')
    end
    return name
end

-- Ids from `first` on, each followed by `values - 1` other arguments.
local function idArguments(first, values)
    local count = (#ARGV - first) / values
    if count ~= floor(count) then fail('BADARG ' .. ARGV[1] .. ' takes ids with ' .. values .. ' arguments each') end
    if count > LARGEST_BATCH then
        fail('BATCH ' .. ARGV[1] .. ' takes at most ' .. LARGEST_BATCH .. ' ids at once: split it')
    end
    local ids = {}
    for index = first, #ARGV - 1, values do
        local id = argument(index, 'id')
        if id <= LOWEST_ID or id > LAST_NUMBER or id % LINE_SPAN == 0 then
            fail('BADARG ' .. text(id) .. ' names no place')
        end
        ids[#ids + 1] = id
    end
    return ids
end

local function clock()
    local given = ARGV[#ARGV]
    if given ~= '' then return argument(#ARGV, 'clock') end
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- ------------------------------------------------------------------------------------------------------ calls in parts

-- Redis turns numbers into text anew for each call, which was most of the time of a large batch: here it is done once.
local words = setmetatable({}, {
    __index = function(known, integer)
        local word = text(integer)
        known[integer] = word
        return word
    end,
})

local function worded(values)
    local list = {}
    for index, value in ipairs(values) do list[index] = type(value) == 'number' and words[value] or value end
    return list
end

-- Keys that this call has written something to, or removed something from: one that was not there before has no expiry
-- yet, another one may be gone.
local written = {}

local function write(command, key, ...)
    written[key] = true
    return redis.call(command, key, ...)
end

-- One call takes only so many values from Lua's stack. The size is even: members stay with their scores. How many were
-- new, or gone.
local function inChunks(values, command, ...)
    local head, sum = { command, ... }, 0
    for first = 1, #values, 1000 do
        local call = { unpack(head) }
        for index = first, min(first + 999, #values) do call[#call + 1] = values[index] end
        sum = sum + write(unpack(worded(call)))
    end
    return sum
end

-- Scores and members in turn; without `score`, every number is its own.
local function scored(score, members)
    local list = {}
    for index, member in ipairs(members) do list[2 * index - 1], list[2 * index] = score or member, member end
    return list
end

local function paired(members, value)
    local list = {}
    for index, member in ipairs(members) do list[2 * index - 1], list[2 * index] = member, value end
    return list
end

-- Bits in one call; a batch is never larger than one call takes. Nothing for ids of older lines.
local function bits(key, operation, ids, value)
    local call = { 'BITFIELD', key }
    for _, id in ipairs(ids) do
        call[#call + 1] = operation
        call[#call + 1] = 'u1'
        call[#call + 1] = words[id]
        call[#call + 1] = value
    end
    return #ids > 0 and (operation == 'SET' and write or redis.call)(unpack(call)) or {}
end

local function setBits(key, ids) bits(key, 'SET', ids, '1') end

local function getBits(key, ids) return bits(key, 'GET', ids) end

-- ---------------------------------------------------------------------------------------------------- the record

-- Writes happen in `commit`; an operation that changes nothing writes nothing, so an idle room is only read.
local function set(room, field, value)
    if room[field] ~= value then
        if room.changed[field] == nil then room.changed[field] = room[field] end
        room[field] = value
    end
end

function watched.wasThere(room, index)
    return floor(room.present / 2 ^ index) % 2 == 1
end

-- Which of the watched keys are there, one bit each. Mostly all that were written to are.
function watched.present(room)
    local keys = {}
    for _, index in ipairs(watched) do
        if written[KEYS[index]] then keys[#keys + 1] = KEYS[index] end
    end
    if #keys == 0 then return room.present end
    local areAll, present = redis.call('EXISTS', unpack(keys)) == #keys, 0
    for _, index in ipairs(watched) do
        local isThere = watched.wasThere(room, index)
        if written[KEYS[index]] then isThere = areAll or redis.call('EXISTS', KEYS[index]) == 1 end
        if isThere then present = present + 2 ^ index end
    end
    return present
end

-- This call may have changed, or found changed, any of them.
function watched.lookAtAll()
    for _, index in ipairs(watched) do written[KEYS[index]] = true end
end

-- Expired sessions that are still there count as gone.
local function liveSessions(room)
    return redis.call('ZCARD', SESSIONS) - room.expired
end

local function commit(room)
    -- What was changed and changed back is as it was.
    for field, former in pairs(room.changed) do
        if former == room[field] then room.changed[field] = nil end
    end
    if not room.touched and next(room.changed) == nil then return end
    set(room, 'present', watched.present(room))
    if written[SESSIONS] or room.expired > 0 then set(room, 'inside', liveSessions(room)) end
    room.refilled, room.moved = room.now, room.now
    local call = { 'HSET', STATE, 'tokens', room.tokens, 'refilled', room.now, 'moved', room.now, 'asked', room.asked }
    for field in pairs(room.changed) do
        call[#call + 1] = field
        call[#call + 1] = room[field]
    end
    redis.call(unpack(call))
    -- The ticks move the expiry of all keys once a minute, first that of the record, which they make; the last of them
    -- may have come before another key was there.
    if room.retention <= 0 then return end
    for key in pairs(written) do redis.call('PEXPIRE', key, room.retention, 'NX') end
end

local function damaged(field)
    fail('BADROOM field ' .. field .. ' of ' .. STATE .. ' cannot be read: '
        .. 'delete that key, and the next tick restores the room from what the gateways know')
end

local function parse(room, field, pattern, names, most)
    local list = {}
    for entry in string.gmatch(room[field], '[^,]+') do
        local values = { string.match(entry, pattern) }
        if values[1] == nil then damaged(field) end
        local item = {}
        for index, name in ipairs(names) do
            item[name] = tonumber(values[index])
            if item[name] > (most or LAST_NUMBER) then damaged(field) end
        end
        list[#list + 1] = item
    end
    return list
end

local function gapsOf(room) return parse(room, 'gaps', '^(%d+)-(%d+)$', { 'from', 'to' }) end

local function setGaps(room, gaps)
    local entries = {}
    for index, gap in ipairs(gaps) do entries[index] = text(gap.from) .. '-' .. text(gap.to) end
    set(room, 'gaps', table.concat(entries, ','))
end

local function olderOf(room) return parse(room, 'older', '^(%d+):(%d+):(%d+)$', { 'epoch', 'issued', 'serving' }) end

local function setOlder(room, lines)
    local entries = {}
    for index, line in ipairs(lines) do
        entries[index] = text(line.epoch) .. ':' .. text(line.issued) .. ':' .. text(line.serving)
    end
    set(room, 'older', table.concat(entries, ','))
end

-- A gateway's name may look like a number and stays a text.
local function blocksOf(room)
    local blocks = parse(room, 'blocks', '^(%d+):(%d+):([%w%._%-]+)$', { 'from', 'to' })
    local index = 0
    for gateway in string.gmatch(room.blocks, '%d+:%d+:([^,]+)') do
        index = index + 1
        blocks[index].gateway = gateway
    end
    return blocks
end

local function setBlocks(room, blocks)
    local entries = {}
    for index, block in ipairs(blocks) do
        entries[index] = text(block.from) .. ':' .. text(block.to) .. ':' .. block.gateway
    end
    set(room, 'blocks', table.concat(entries, ','))
end

-- `list` without those that `isGone` says.
local function without(list, isGone)
    local kept = {}
    for _, item in ipairs(list) do
        if not isGone(item) then kept[#kept + 1] = item end
    end
    return kept
end

local function writeJournal(room, kind, ...)
    room.touched = true
    write('XADD', JOURNAL, '*', 'kind', kind, 't', room.now, ...)
end

-- Exact: a product above 2^53 is rounded, but is then far above any bucket (at most 10^15).
local function refill(room)
    local elapsed = room.now - room.refilled
    if elapsed > 0 then room.tokens = min(room.burst * TOKEN, room.tokens + elapsed * room.rate) end
end

-- Past its lease, the controller's bound gives way to a tenth of the inflow.
local function rateInForce(room)
    if room.allowed < 0 then return room.inflow end
    local left = room.allowed_until - room.now
    if left > 0 and left <= ALLOWED_LEASE_MICROS then return min(room.inflow, room.allowed) end
    return min(room.inflow, max(room.allowed, floor(room.inflow / 10)))
end

-- The bucket was refilled at the old rate up to now, so a change never reaches back in time.
local function enforce(room, burst, slots)
    local rate = rateInForce(room)
    if rate == room.rate and burst == room.burst and slots == room.slots then return end
    set(room, 'rate', rate)
    set(room, 'burst', burst)
    set(room, 'slots', slots)
    room.tokens = min(room.tokens, burst * TOKEN)
    writeJournal(room, 'limits', 'rate_milli', rate, 'burst', burst, 'slots', slots)
end

-- Of sessions; fields, as Lua takes 200 local names at the top of a script.
local inside = {}

-- Between which times sessions ran out that are kept, the first left out; nought and nought: none. A silence that comes
-- while those of the one before are kept goes on with it.
function inside.pardon(room)
    local isPardoned = room.silent_to > 0 and room.now >= room.silent_to and room.now < room.silent_to + room.session
    if room.now - room.asked > SILENCE_MICROS then return isPardoned and room.silent_from or room.asked, room.now end
    if isPardoned then return room.silent_from, room.silent_to end
    return 0, 0
end

-- A part of what has expired is cleared away at a time; how much of it is left, with what is kept. What is over is over,
-- should the clock be set back: the room's time covers it.
local function removeExpired(room, key, from, to)
    local expired = redis.call('ZCOUNT', key, '-inf', room.now)
    if expired == 0 then return 0 end
    local gone = {}
    if from > 0 then gone = redis.call('ZRANGEBYSCORE', key, '-inf', from, 'LIMIT', 0, EXPIRED_AT_ONCE) end
    if #gone < EXPIRED_AT_ONCE and to < room.now then
        local left = EXPIRED_AT_ONCE - #gone
        for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. text(to), room.now, 'LIMIT', 0, left)) do
            gone[#gone + 1] = id
        end
    end
    inChunks(gone, 'ZREM', key)
    room.touched = room.touched or #gone > 0
    return expired - #gone
end

local function clearExpired(room)
    room.expired = removeExpired(room, SESSIONS, inside.pardon(room))
    removeExpired(room, RELEASED, 0, 0)
end

-- The expiries of live sessions, false for the others; so for released ids.
local function liveScores(room, key, ids)
    if #ids == 0 then return {} end
    local scores = redis.call('ZMSCORE', key, unpack(worded(ids)))
    for index in ipairs(ids) do
        local score = scores[index] and tonumber(scores[index])
        scores[index] = score and score > room.now and score or false
    end
    return scores
end

-- The clock was set back, or a server with an earlier clock took over: the room's time stands still. Where a script of
-- version 1 has set the room's time back, it is taken as it is.
-- Another server's clock may be ahead: the room's time goes on as the caller reckons it then, and where nobody knows by 3
-- seconds at most, so that nobody is thrown out. As much as the outage was longer, sessions and claims live longer; a
-- skew below nought says how far the clock is ahead. The controller reckons nothing (-1): until a gateway calls the room's
-- time goes on by 3 seconds at most. The clock of the same server is taken as it is: a call that was on its way while
-- Redis stood still looks as if that had been set forward, and passes have gone on meanwhile.
local function roomTime(room, plain, run, reckoned)
    if room.refilled < room.moved then set(room, 'skew', max(0, room.refilled - plain)) end
    if reckoned < 0 then
        room.touched = plain + room.skew >= room.refilled + SILENCE_MICROS
        return max(room.refilled, min(plain + room.skew, room.refilled + SILENCE_MICROS))
    end
    if run ~= 0 and room.run ~= 0 and run ~= room.run then
        local latest = max(room.refilled + SILENCE_MICROS, reckoned > 0 and reckoned + RECKONING_MICROS or 0)
        set(room, 'skew', min(room.skew, latest - plain))
    end
    if plain + room.skew < room.refilled then set(room, 'skew', room.refilled - plain) end
    return plain + room.skew
end

local function blank(plain)
    local room = { now = plain, clock = plain, changed = {}, touched = false, expired = 0 }
    for _, field in ipairs(FIELDS) do room[field] = DEFAULTS[field] or 0 end
    for _, field in ipairs(TEXTS) do room[field] = '' end
    return room
end

-- A script of version 1 wrote in between, which tells nothing of whom it let in or dropped: every gateway tells its
-- door again.
local function missEvents(room) set(room, 'events', room.events + EVENTS_KEPT + 1) end

-- Lengths that are gone from the record: as the limits last taken say, else stated ones. Nought would end every session.
local function takeMissing(room)
    local session, claim, horizon = string.match(room.limits, '^%d+:%d+:%d+:(%d+):(%d+):(%d+):%d+$')
    for field, value in pairs({
        session = tonumber(session or 600000000), claim = tonumber(claim or 60000000),
        horizon = tonumber(horizon or 2000000),
    }) do
        if room[field] <= 0 then set(room, field, value) end
    end
end

local function pausesOf(room)
    return parse(room, 'pauses', '^(%d+):(%d+)$', { 'ending', 'micros' }, LARGEST_INTEGER)
end

-- When that many microseconds were still to come in which visitors could ask.
local function microsAgo(room, span)
    local micros, pauses = room.now - span, pausesOf(room)
    for index = #pauses, 1, -1 do
        if micros < pauses[index].ending then micros = micros - pauses[index].micros end
    end
    return micros
end

-- No gateway reached this state in such a silence, so no visitor did: it takes nothing off a claim. Of more outages
-- within one claim window than are kept, only the latest count.
local function notePause(room, silence)
    local pause = text(room.now) .. ':' .. text(silence)
    set(room, 'pauses', room.pauses == '' and pause or room.pauses .. ',' .. pause)
    local lapsed = microsAgo(room, room.claim)
    local pauses, entries = without(pausesOf(room), function(item) return item.ending <= lapsed end), {}
    for index = max(1, #pauses - MAX_PAUSES + 1), #pauses do
        entries[#entries + 1] = text(pauses[index].ending) .. ':' .. text(pauses[index].micros)
    end
    set(room, 'pauses', table.concat(entries, ','))
end

-- What the gateways know of a key that was deleted or evicted alone they tell again, as after any loss; the line itself is
-- all there, so no number is skipped. Sessions that are gone hold their slots until their passes show up or one
-- session's length has passed. Who came and who was let in differs by those at the door, and by those who left it before
-- their turn: but for the former each of the two bitmaps stands in for the other, so that nobody is let in twice.
function watched.lose(room, gone)
    local standing = redis.call('ZRANGE', DOOR, 0, RETURN_SWEEP - 1)
    for index, id in ipairs(standing) do standing[index] = tonumber(id) end
    local function mark(key, value)
        for first = 1, #standing, 1000 do
            bits(key, 'SET', { unpack(standing, first, min(first + 999, #standing)) }, value)
        end
    end
    if gone[SESSIONS] then
        set(room, 'lost', room.lost + room.inside)
        set(room, 'lost_until', room.now + room.session)
    end
    if gone[EXCHANGED] then
        if redis.call('COPY', ARRIVED, EXCHANGED) == 1 then mark(EXCHANGED, '0') end
    elseif gone[ARRIVED] then
        redis.call('COPY', EXCHANGED, ARRIVED)
    end
    if gone[ARRIVED] then
        mark(ARRIVED, '1')
        set(room, 'sampled', room.serving)
        set(room, 'sampled_direct', room.direct)
    end
    watched.lookAtAll()
    if gone[DOOR] or gone[EARLY] or gone[OWNERS] then redis.call('UNLINK', DOOR, EARLY, OWNERS, SINCE, SEEN) end
    if gone[EVENTS] then missEvents(room) end
    set(room, 'away', room.now)
    set(room, 'regressed', room.issued)
    set(room, 'incarnation', room.incarnation + 1)
    writeJournal(room, 'regress', 'epoch', room.epoch, 'incarnation', room.incarnation, 'issued', room.issued)
end

function watched.notice(room)
    local keys, expected = {}, 0
    for _, index in ipairs(watched) do
        if watched.wasThere(room, index) then expected = expected + 1 end
        keys[#keys + 1] = KEYS[index]
    end
    if redis.call('EXISTS', unpack(keys)) >= expected then return end
    local gone = {}
    for _, index in ipairs(watched) do
        gone[KEYS[index]] = watched.wasThere(room, index) and redis.call('EXISTS', KEYS[index]) == 0
    end
    watched.lose(room, gone)
end

-- nil when the room is not there. `reckoned` is the room's time as the caller reckons it.
local function load(plain, run, reckoned)
    -- All at once: a hash of so few fields is a list, which is looked through for each field that is named.
    local flat, values = redis.call('HGETALL', STATE), {}
    for index = 1, #flat, 2 do values[flat[index]] = flat[index + 1] end
    if not values.epoch then return nil end
    local room = blank(plain)
    for _, field in ipairs(FIELDS) do
        local value = values[field]
        if value then
            room[field] = tonumber(value) or damaged(field)
        elseif field == 'asked' then
            room.asked = room.refilled
        end
    end
    for _, field in ipairs(TEXTS) do room[field] = values[field] or '' end
    for _, field in ipairs({ 'epoch', 'issued', 'serving' }) do
        if room[field] < 0 or room[field] > LAST_NUMBER then damaged(field) end
    end
    takeMissing(room)
    if room.needs > VERSION then
        fail('UPGRADE ' .. STATE .. ' needs version ' .. text(room.needs) .. ' of the script, this is ' .. VERSION)
    end
    set(room, 'version', max(room.version, VERSION))
    if room.refilled ~= room.moved then
        missEvents(room)
        room.asked = max(room.asked, room.refilled)
        set(room, 'mixed', plain)
        watched.lookAtAll()
    end
    room.now = roomTime(room, plain, run, reckoned)
    refill(room)
    if room.lost > 0 and room.now >= room.lost_until then set(room, 'lost', 0) end
    if room.mixed == 0 then watched.notice(room) end
    clearExpired(room)
    enforce(room, room.burst, room.slots)
    return room
end

-- ------------------------------------------------------------------------------------- numbers that are handed out

-- Numbers that were skipped. With too many gaps those that nobody looks at any more go, then the lowest below
-- now-serving; at last neighbours become one: whoever has a place between is called with the gap.
local function addGap(room, from, to)
    if from > to then return end
    local gaps = gapsOf(room)
    local position = #gaps + 1
    for index, gap in ipairs(gaps) do
        if gap.from > from then
            position = index
            break
        end
    end
    table.insert(gaps, position, { from = from, to = to })
    local whole = {}
    for _, gap in ipairs(gaps) do
        local last = whole[#whole]
        if last and gap.from <= last.to + 1 then last.to = max(last.to, gap.to) else whole[#whole + 1] = gap end
    end
    if #whole > MAX_GAPS then
        local bottom = min(room.floor, room.serving)
        whole = without(whole, function(gap) return gap.to <= bottom end)
    end
    if #whole > MAX_GAPS then
        if whole[1].to <= room.serving then
            table.remove(whole, 1)
        else
            local last = table.remove(whole)
            whole[#whole].to = last.to
        end
    end
    setGaps(room, whole)
end

-- These numbers have holders after all, who are called by number. Where it is too late for that, or a gap would have to
-- become two and there are too many, they are called with the gap.
local function takeOutOfGaps(room, from, to)
    local first = max(from, room.serving + 1)
    if first > to then return end
    local gaps, rest = gapsOf(room), {}
    for _, gap in ipairs(gaps) do
        local isHit = gap.from <= to and first <= gap.to
        -- Only one that encloses all of them becomes two.
        if not isHit or gap.from < first and to < gap.to and #gaps >= MAX_GAPS then
            rest[#rest + 1] = gap
        else
            if gap.from < first then rest[#rest + 1] = { from = gap.from, to = first - 1 } end
            if to < gap.to then rest[#rest + 1] = { from = to + 1, to = gap.to } end
        end
    end
    setGaps(room, rest)
end

-- Now-serving passes a gap that it has reached; just after a loss it waits there.
local function skipGaps(room)
    if room.now < room.waits_until then return end
    for _, gap in ipairs(gapsOf(room)) do
        if gap.from <= room.serving + 1 and gap.to > room.serving then set(room, 'serving', gap.to) end
    end
end

local function arrivedBetween(above, upTo)
    if upTo <= above then return 0 end
    return redis.call('BITCOUNT', ARRIVED, above + 1, upTo, 'BIT')
end

-- Places above `above` up to `upTo`, and how many of them arrived; gaps left out.
local function placesBetween(room, above, upTo)
    if upTo <= above then return 0, 0 end
    local count, arrived = upTo - above, arrivedBetween(above, upTo)
    for _, gap in ipairs(gapsOf(room)) do
        local from, to = max(gap.from, above + 1), min(gap.to, upTo)
        if from <= to then
            count = count - (to - from + 1)
            arrived = arrived - arrivedBetween(from - 1, to)
        end
    end
    return count, arrived
end

-- Calls the next `count` places.
local function advanceServing(room, count)
    local left = min(count, room.issued - room.serving)
    for _, gap in ipairs(gapsOf(room)) do
        if gap.to > room.serving then
            local step = min(left, max(0, gap.from - 1 - room.serving))
            set(room, 'serving', room.serving + step)
            left = left - step
            if gap.from > room.serving + 1 or room.now < room.waits_until then return end
            set(room, 'serving', gap.to)
        end
    end
    set(room, 'serving', room.serving + min(left, room.issued - room.serving))
end

-- The line goes on at `first`: what lies before it in no block is a gap.
local function jumpBlocks(room, first)
    local following = room.issued + 1
    for _, block in ipairs(blocksOf(room)) do
        if block.to >= following and block.from < first then
            addGap(room, following, block.from - 1)
            following = block.to + 1
        end
    end
    addGap(room, following, first - 1)
    set(room, 'issued', first - 1)
end

-- The first number of the next `count` that lie in no block.
local function behindBlocks(room, count)
    local first = room.issued + 1
    for _, block in ipairs(blocksOf(room)) do
        if block.to >= first and block.from <= first + count - 1 then first = block.to + 1 end
    end
    return first
end

-- Blocks are out of use. Those that the line has passed were skipped: at most a few of their numbers have a holder, who
-- is called with the gap.
local function dropBlocks(room, isGone)
    local blocks = blocksOf(room)
    setBlocks(room, without(blocks, isGone))
    for _, block in ipairs(blocks) do
        if block.to <= room.issued and isGone(block) then addGap(room, block.from, block.to) end
    end
end

-- No block fits any more: the line goes on behind those of gateways that are forgotten.
local function passOrphans(room, gateways)
    local last = 0
    for _, block in ipairs(blocksOf(room)) do
        if gateways[block.gateway] == nil then last = block.to end
    end
    if last <= room.issued then return end
    jumpBlocks(room, last + 1)
    dropBlocks(room, function(block) return block.to <= room.issued and gateways[block.gateway] == nil end)
end

local function takeBlock(room, gateway, start, used)
    local blocks = blocksOf(room)
    local found
    for index, block in ipairs(blocks) do
        if block.gateway == gateway and block.from == start then found = index end
    end
    if not found then
        -- A loss that was noticed before this report came has made one gap of all that may have been handed out.
        return takeOutOfGaps(room, start, min(used, start + LARGEST_BLOCK - 1))
    end
    local block = blocks[found]
    if used == 0 then
        -- The gateway holds this one now; what it held before is out of use.
        dropBlocks(room, function(other) return other.gateway == gateway and other.from < block.from end)
        return
    end
    table.remove(blocks, found)
    setBlocks(room, blocks)
    if block.to > room.issued then
        if block.from > room.issued then jumpBlocks(room, block.from) end
        set(room, 'issued', block.to)
    end
    addGap(room, max(block.from, min(block.to, used)) + 1, block.to)
end

-- What a gateway held before it was started anew may have been handed out: it stays a block, of nobody.
local function disownBlocks(room, gateway)
    local blocks = blocksOf(room)
    for _, block in ipairs(blocks) do
        if block.gateway == gateway then block.gateway = '-' end
    end
    setBlocks(room, blocks)
end

-- The newest block of the gateway, which names itself anew with each start, while it is far enough ahead; else a new one.
local function leaseNext(room, gateway, size)
    local blocks = blocksOf(room)
    local newest, count = nil, 0
    for _, block in ipairs(blocks) do
        if block.gateway == gateway then newest, count = block, count + 1 end
    end
    local isFar = newest and newest.from - room.issued >= BLOCK_NEAREST
    if not isFar and count < 2 and #blocks < MAX_BLOCKS then
        local last = blocks[#blocks] and blocks[#blocks].to or 0
        local from = max(room.issued + BLOCK_LEAD, last) + 1
        local to = from + min(size, LARGEST_BLOCK) - 1
        if to <= room.issued + BLOCK_SPAN and to <= LAST_NUMBER then
            blocks[#blocks + 1] = { from = from, to = to, gateway = gateway }
            setBlocks(room, blocks)
            return { from, to }
        end
    end
    return newest and { newest.from, newest.to } or {}
end

-- Takes in what a gateway did with its block, and leases it the next: start and end, or nothing.
local function lease(room, gateways, gateway, start, used, size, isOfThisLine)
    if room.blocks == '' and size == 0 and used == 0 then return {} end
    dropBlocks(room, function(block)
        if block.to > room.issued then return false end
        return gateways[block.gateway] == nil
            or block.gateway == gateway and not (isOfThisLine and block.from == start)
    end)
    if not isOfThisLine then return {} end
    takeBlock(room, gateway, start, used)
    if size == 0 and used == 0 then
        dropBlocks(room, function(block) return block.gateway == gateway and block.from == start end)
    end
    if size == 0 then
        disownBlocks(room, gateway)
        return {}
    end
    local block = leaseNext(room, gateway, size)
    if block[1] then return block end
    passOrphans(room, gateways)
    return leaseNext(room, gateway, size)
end

-- ------------------------------------------------------------------------------------- what is lost, and what known

-- `count` sessions were live: those that are not here keep their slots for one session's length.
local function loseSessions(room, count)
    local lost = max(room.lost, count - liveSessions(room))
    if lost <= room.lost then return end
    set(room, 'lost', lost)
    set(room, 'lost_until', room.now + room.session)
end

-- Such a number may have been handed out by its gateway while this state was away: unless an answer of this state has
-- told it (`stated`), it says nothing of what was given out here.
local function isLeased(room, number)
    for _, block in ipairs(blocksOf(room)) do
        if block.from <= number and number <= block.to then return true end
    end
    return false
end

-- The state has lost something. The line goes on behind everything that may have been handed out, with an empty
-- bucket; what was called meanwhile says nothing about the show-up ratio.
-- How far it goes depends on the clock: should this be lost too before another gateway has heard of it, the line is made
-- again out of the same marks, and must not come to the same numbers.
-- A number that no answer of the state has told, far ahead of those that one has, is of a block whose lease is lost:
-- few have one of the numbers before it. They are called with the gap, unless gateways take them out of it in time.
-- `usedBlock` is where the block begins of which the caller handed out numbers, nil or 0 for none: also a nearer one
-- has few before it, who are called after those of the state's own numbers, and before those of the block.
local function regress(room, known, usedBlock)
    local last = max(room.issued, known.issued)
    local steps = 1 + floor(room.clock / REGRESS_STEP_MICROS) % REGRESS_STEPS
    local ending = min(LAST_NUMBER, last + steps * (BLOCK_SPAN + REGRESS_GAP))
    set(room, 'serving', max(room.serving, known.serving))
    -- Few of the numbers before one of a block were handed out: nobody need be called one by one there.
    local proven = max(room.issued, room.serving)
    if not isLeased(room, known.stated) then proven = max(proven, known.stated) end
    if not isLeased(room, known.issued) and known.issued - proven < BLOCK_NEAREST then
        proven = max(proven, known.issued)
    end
    addGap(room, proven + 1, ending)
    if usedBlock and usedBlock <= known.issued then
        addGap(room, max(room.issued, known.stated) + 1, usedBlock - 1)
    end
    set(room, 'away', room.now)
    set(room, 'regressed', room.issued)
    set(room, 'waits_until', room.now + SILENCE_MICROS)
    set(room, 'issued', ending)
    setBlocks(room, without(blocksOf(room), function(block) return block.to <= ending end))
    set(room, 'incarnation', max(room.incarnation, known.incarnation) + 1)
    room.tokens = 0
    -- These may not be the newest limits: the next tick tells (`takeLimits`).
    set(room, 'heard_until', room.now + SILENCE_MICROS)
    set(room, 'sampled', room.serving)
    set(room, 'sampled_direct', room.direct)
    loseSessions(room, known.sessions)
    writeJournal(room, 'regress', 'epoch', room.epoch, 'incarnation', room.incarnation, 'issued', ending)
end

-- The caller has not heard of the latest loss. What it was told before is no gap, should whoever called first have
-- known less: its people are called by number. What else it knows, it knows of the same loss.
local function narrow(room, known)
    local last = max(known.stated, known.serving)
    local gaps, narrowed = gapsOf(room), {}
    for _, gap in ipairs(gaps) do
        local holds = last > room.regressed and gap.from <= last and last <= gap.to and gap.to > room.serving
        local isOneOfTwo = gap.from <= room.regressed
        if holds and not (isOneOfTwo and #gaps >= MAX_GAPS) then
            if isOneOfTwo then narrowed[#narrowed + 1] = { from = gap.from, to = room.regressed } end
            gap.from = last + 1
        end
        if gap.from <= gap.to then narrowed[#narrowed + 1] = gap end
    end
    setGaps(room, narrowed)
    if room.now >= room.waits_until then return end
    if known.serving > room.serving and known.serving <= room.issued then
        set(room, 'serving', known.serving)
        set(room, 'sampled', room.serving)
        set(room, 'sampled_direct', room.direct)
    end
    loseSessions(room, known.sessions)
end

-- Stretches of the line that were skipped before this state lost something: nobody need be called one by one there. What
-- overlaps a gap of the record is known here, and better; but what lies between the last number before the latest loss and
-- what that skipped this state has never handed out.
local function rememberGaps(room, gaps, bottom)
    for _, gap in ipairs(gaps) do
        local from, own = max(gap.from, bottom + 1), gapsOf(room)
        if gap.to > room.serving and gap.to <= room.issued then
            for _, other in ipairs(own) do
                if other.from <= gap.to and from <= other.to then
                    from = gap.to < own[#own].to and max(other.to, room.regressed) + 1 or gap.to + 1
                end
            end
            addGap(room, from, gap.to)
        end
    end
end

-- All that belongs to the line alone.
local function forgetLine(room)
    room.expired = 0
    watched.lookAtAll()
    redis.call('UNLINK', SESSIONS, ARRIVED, EXCHANGED, DOOR, SINCE, SEEN, MARKS, OWNERS, EVENTS, RELEASED, CARRIED,
        EARLY)
    for _, field in ipairs({
        'direct', 'sampled_direct', 'floor', 'mark', 'mark_serving', 'mark_direct', 'coarse', 'swept', 'inside_until',
        'regressed', 'waits_until', 'silent_from', 'silent_to', 'mixed',
    }) do
        set(room, field, 0)
    end
    set(room, 'gaps', '')
    set(room, 'blocks', '')
end

-- Opens an older line, or raises it. Whether it was not known before: then its people spend what the bucket has.
local function noteOlder(room, epoch, issued, serving)
    if epoch >= room.epoch or epoch < room.void_before or issued < 1 or room.epoch - epoch > OLDEST_SECONDS then
        return false
    end
    local lines = olderOf(room)
    local position = #lines + 1
    for index, line in ipairs(lines) do
        if line.epoch == epoch then
            line.issued = max(line.issued, issued)
            line.serving = min(line.issued, max(line.serving, serving))
            setOlder(room, lines)
            return false
        end
        if line.epoch > epoch then
            position = index
            break
        end
    end
    if #lines == MAX_OLDER_LINES then
        -- The oldest is given up; its places are void, as gateways hear: its visitors get new ones.
        local oldest = position == 1 and lines[1].epoch or min(lines[2].epoch, epoch)
        set(room, 'void_before', max(room.void_before, oldest))
        if position == 1 then return false end
        table.remove(lines, 1)
        position = position - 1
    end
    table.insert(lines, position, { epoch = epoch, issued = issued, serving = min(issued, serving) })
    setOlder(room, lines)
    room.tokens = 0
    room.touched = true
    return true
end

local function voidLines(room, epoch)
    set(room, 'void_before', max(room.void_before, epoch))
    if room.older == '' then return end
    setOlder(room, without(olderOf(room), function(line) return line.epoch < room.void_before end))
end

-- The caller knows a younger line: this state is from before its creation. Its own line is an older one then, unless a
-- reset has ended it. The bucket, the limits and the controller's bound stay: they belong to the backend.
local function beginEpoch(room, known)
    local epoch, issued, serving = room.epoch, room.issued, room.serving
    local live = liveSessions(room)
    forgetLine(room)
    loseSessions(room, max(known.sessions, live))
    set(room, 'epoch', known.epoch)
    set(room, 'incarnation', 0)
    set(room, 'issued', 0)
    set(room, 'serving', 0)
    noteOlder(room, epoch, issued, serving)
end

-- After a silence: nobody could ask or renew meanwhile. Those whose sessions ran out hold good passes, and come back.
local function endSilence(room, known)
    local silence = room.now - room.asked
    local isOfThisLine = known.epoch == room.epoch
    -- A room in which nobody waits is called once a second.
    if silence > SILENCE_MICROS or silence > DOOR_SILENCE_MICROS and redis.call('EXISTS', DOOR, EARLY) > 0 then
        set(room, 'away', room.now)
    end
    if silence > SILENCE_MICROS then
        local from, to = inside.pardon(room)
        set(room, 'silent_from', from)
        set(room, 'silent_to', to)
    end
    room.asked = room.now
    if silence > SILENCE_MICROS then
        notePause(room, silence)
        set(room, 'inside_until', isOfThisLine and 0 or room.now + SILENCE_MICROS)
    end
    if isOfThisLine and (silence > SILENCE_MICROS or room.now < room.inside_until) then
        loseSessions(room, known.sessions)
    end
end

local function takeIn(room, known, usedBlock)
    local behind = known.run ~= 0 and room.run ~= 0 and known.run ~= room.run
    -- It has heard of every loss that this state has noticed so far.
    local isAware = false
    known = bounded(known)
    if known.epoch > 0 then voidLines(room, known.void_before) end
    endSilence(room, known)
    if known.epoch > room.epoch then
        beginEpoch(room, known)
        behind = true
    elseif known.epoch == room.epoch then
        isAware = known.incarnation == room.incarnation
        if known.incarnation < room.incarnation then narrow(room, known) end
        behind = behind or known.incarnation > room.incarnation or known.serving > room.serving
            or known.stated > room.issued or known.issued > room.issued and not isLeased(room, known.issued)
    elseif known.epoch > 0 and noteOlder(room, known.epoch, known.issued, known.serving) then
        loseSessions(room, known.sessions)
    end
    if behind then
        local isOfThisLine = known.epoch == room.epoch
        local proof = isOfThisLine and known or { issued = 0, stated = 0, serving = 0, incarnation = 0, sessions = 0 }
        regress(room, proof, usedBlock)
    end
    if known.epoch == room.epoch and (behind or not isAware) then
        -- Otherwise this state has told it of the gaps among its own numbers, and knows better by now which of those
        -- have holders.
        rememberGaps(room, known.gaps, isAware and room.regressed or 0)
    end
    if known.run ~= 0 then set(room, 'run', known.run) end
end

-- The caller's line is made again, or a new one begins with a full bucket.
local function create(known, burst, session, usedBlock)
    local plain = clock()
    local room = blank(plain)
    -- The room's time goes on from where the caller knows it to be.
    if known.reckoned > 0 then
        room.now = max(known.reckoned, min(plain, known.reckoned + RECKONING_MICROS))
        room.skew = room.now - plain
    end
    known = bounded(known)
    redis.call('UNLINK', MARKS, EVENTS)
    watched.lookAtAll()
    for _, field in ipairs(FIELDS) do room.changed[field] = true end
    for _, field in ipairs(TEXTS) do room.changed[field] = true end
    room.touched, room.version, room.refilled, room.asked = true, VERSION, room.now, room.now
    room.run, room.session = known.run, session
    if known.epoch == 0 then
        forgetLine(room)
        room.epoch = max(1, floor(plain / 1000000))
        room.tokens = burst * TOKEN
        return room
    end
    clearExpired(room)
    room.epoch, room.incarnation, room.void_before = known.epoch, 0, known.void_before
    regress(room, known, usedBlock)
    rememberGaps(room, known.gaps, 0)
    return room
end

local function existing(known)
    local room = load(clock(), known.run, known.reckoned)
    if room == nil then
        fail('NOROOM ' .. STATE .. ' is not there: tick the room first, which creates or restores it')
    end
    return room
end

local function enter(known)
    local room = existing(known)
    takeIn(room, known)
    return room
end

-- An id's epoch, and its number in that line.
local function placeOf(room, id)
    local back = id > 0 and 0 or floor(-id / LINE_SPAN) + 1
    return room.epoch - back, id + LINE_SPAN * back
end

-- What the caller's ids are in the room's current line; false for those that are void.
local function ownIds(room, ids, known)
    local back = known.epoch == 0 and 0 or room.epoch - known.epoch
    local own = {}
    for index, id in ipairs(ids) do
        local mine = back <= OLDEST_SECONDS and id - LINE_SPAN * back
        own[index] = mine and mine > LOWEST_ID and placeOf(room, mine) >= room.void_before and mine
    end
    return own
end

local function answer(room, values)
    local list = {
        'epoch', room.epoch, 'incarnation', room.incarnation, 'issued', room.issued, 'serving', room.serving,
        'now', room.now,
    }
    for _, value in ipairs(values) do list[#list + 1] = value end
    return list
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
    if room.mark > 0 and room.mark <= micros then return room.mark_serving end
    return markAt(micros) or room.floor
end

local function settledShowUp(room)
    return { ratio = max(SHOW_UP.LEAST, room.show_up), places = room.show_up_places }
end

local function showUpUpTo(room, serving, direct)
    local directs = direct - room.sampled_direct
    local called, came = placesBetween(room, room.sampled, serving)
    local places = called - directs
    if places <= 0 then return settledShowUp(room) end
    local arrived = max(0, min(places, came - directs))
    local former = max(SHOW_UP.PRIOR_PLACES, room.show_up_places)
    local sum = room.show_up * former + arrived * WHOLE
    local ratio = floor((sum + floor((former + places) / 2)) / (former + places))
    return { ratio = max(SHOW_UP.LEAST, ratio), places = room.show_up_places + places }
end

-- How many of the called come in time: what was measured before, and, looked at anew each time, the places called of
-- late that have had a horizon and an eighth to ask: whoever was told to come back in just that time is on the way.
local function showUpOf(room)
    if room.sampled >= room.mark_serving then return settledShowUp(room) end
    local serving, direct = markAt(room.now - floor(room.horizon * 9 / 8))
    if not serving or serving <= room.sampled then return settledShowUp(room) end
    return showUpUpTo(room, serving, direct)
end

-- Four horizons after their call places are looked at for the last time: who asks late is still seen.
local function sampleShowUp(room)
    if room.sampled >= room.mark_serving then return settledShowUp(room) end
    local serving, direct = markAt(room.now - SHOW_UP.SETTLED_HORIZONS * room.horizon)
    if serving and serving > room.sampled then
        local measured = showUpUpTo(room, serving, direct)
        set(room, 'show_up', measured.ratio)
        set(room, 'show_up_places', min(SHOW_UP.MEMORY_PLACES, measured.places))
        set(room, 'sampled', serving)
        set(room, 'sampled_direct', direct)
    end
    return showUpOf(room)
end

-- How many of those called since `micros` have not asked yet.
local function outstandingSince(room, micros)
    local called, came = placesBetween(room, servingAt(room, micros), room.serving)
    return called - came
end

-- Nobody is called or let in before the opening, a time of the clock, nor by limits that are not known to be the newest.
local function isOpen(room)
    local left = room.heard_until - room.now
    return room.clock >= room.opens and (left <= 0 or left > SILENCE_MICROS)
end

-- Once a horizon, while there is a line. The past weighs three times as much as the latest horizon.
local function measureEnds(room, sessions, due)
    local elapsed = room.now - room.ends_at
    if elapsed >= 0 and elapsed < room.horizon then return end
    local ended = room.admitted - sessions
    if elapsed >= 0 and elapsed <= ENDS.SILENCE_HORIZONS * room.horizon then
        local horizons = floor(elapsed * PER_MILLE / room.horizon)
        local fresh = floor(max(0, ended - room.ends_before) * WHOLE / horizons)
        local former = room.ends == 0 and 0 or ENDS.MEMORY
        set(room, 'ends', floor((former * room.ends + fresh) / (former + 1)))
        set(room, 'due_mean', floor((former * room.due_mean + PER_MILLE * room.due) / (former + 1)))
    end
    set(room, 'ends_at', room.now)
    set(room, 'ends_before', ended)
    set(room, 'due', due)
end

-- How many sessions end within a horizon: as many as lately did, or, where many run out at once, that share of the
-- sessions about to expire that lately ended instead of being renewed.
local function expectedEnds(room, sessions)
    local due = redis.call('ZCOUNT', SESSIONS, '(' .. text(room.now), room.now + room.horizon)
    measureEnds(room, sessions, due)
    local share = PER_MILLE
    if room.due_mean > 0 then share = min(PER_MILLE, floor(room.ends * PER_MILLE / room.due_mean)) end
    return max(floor(room.ends / PER_MILLE), floor(due * share / PER_MILLE))
end

-- Nothing is known of who of an older line still comes: it is called at some times the rate, as long as too few stand
-- at the door. While nobody comes at all the numbers may be holes: all of them are called within 30 seconds.
local function callOlder(room, lines, lack, atDoor)
    if lack <= 0 then return end
    local elapsed = min(max(0, room.now - room.older_called), room.horizon)
    local left = OLDER_CALL_FACTOR * min(lack, floor(room.rate * elapsed / TOKEN))
    if atDoor == 0 then
        local all = 0
        for _, line in ipairs(lines) do all = all + line.issued end
        left = max(left, floor(all * floor(min(elapsed, OLDER_CALL_MICROS) / 1000) / floor(OLDER_CALL_MICROS / 1000)))
    end
    if left <= 0 then return end
    set(room, 'older_called', room.now)
    for _, line in ipairs(lines) do
        local step = min(left, line.issued - line.serving)
        line.serving = line.serving + step
        left = left - step
    end
    setOlder(room, lines)
end

local function isOlderWaiting(lines)
    for _, line in ipairs(lines) do
        if line.serving < line.issued then return true end
    end
    return false
end

-- Calls as many as should use up the tokens and slots of the next horizon. A few are called to spare, for nobody comes
-- evenly; but no more of them than a horizon's inflow, or in a slow room they would stand at the door for long. It
-- is generous on purpose: `exchange` alone decides who goes in, and who comes too early stands at the door a moment.
-- Others are called in the place of those who have not come within half a horizon, by which most have asked. A horizon
-- and an eighth is waited for them where the bucket holds a horizon's inflow, for then no token is lost meanwhile; and
-- where the slots bind, for there who comes too early stands at the door for a session, and who comes late finds the
-- slot taken by a number behind. There nobody is called to spare. Older lines come first.
local function callNext(room, showUp, sessions, atDoor)
    if not isOpen(room) or room.rate == 0 or room.held == 1 then return end
    local lines = olderOf(room)
    local isOlder = isOlderWaiting(lines)
    if not isOlder then skipGaps(room) end
    if room.slots == 0 or not isOlder and room.issued <= room.serving then return end
    local inflow = room.rate * room.horizon
    local free = max(0, room.slots - sessions - room.lost + expectedEnds(room, sessions))
    local want = min(free, floor((room.tokens + inflow) / TOKEN))
    if isOlder then return callOlder(room, lines, want - atDoor, atDoor) end
    local spare = min(free - want, floor(math.sqrt(4 * want)) + 1, floor(inflow / TOKEN))
    local isHasty = want + spare < free and room.burst * TOKEN < inflow
    local patience = isHasty and floor(room.horizon / 2) or floor(room.horizon * 9 / 8)
    local outstanding = outstandingSince(room, room.now - patience)
    local lack = (want + spare - atDoor) * WHOLE - showUp.ratio * outstanding
    if lack <= 0 then return end
    local share = floor((lack + showUp.ratio - 1) / showUp.ratio)
    local cap = CALL_CAP_FACTOR * (floor((room.burst * TOKEN + inflow) / TOKEN) + spare) - outstanding
    advanceServing(room, max(0, min(share, cap)))
end

-- Marks that no rule looks at any more go; `floor` remembers where they ended.
local function pruneMarks(room)
    local cutoff = min(microsAgo(room, room.claim), room.now - SHOW_UP.SETTLED_HORIZONS * room.horizon)
    local serving = markAt(cutoff)
    if not serving then return end
    set(room, 'floor', max(room.floor, serving))
    redis.call('ZREMRANGEBYSCORE', MARKS, '-inf', cutoff)
end

-- A long claim window needs no fine marks. A few at a time are looked at; the newest before the fine ones stays.
local function thinMarks(room)
    local spacing = floor(room.claim / MARKS_OF_A_CLAIM)
    local found = redis.call('ZRANGEBYSCORE', MARKS, '(' .. text(room.coarse),
        '(' .. text(room.now - 4 * room.horizon), 'WITHSCORES', 'LIMIT', 0, MARKS_THINNED_AT_ONCE + 1)
    for index = 1, #found - 2, 2 do
        local micros = tonumber(found[index + 1])
        if micros - room.coarse < spacing then
            redis.call('ZREM', MARKS, found[index])
        else
            set(room, 'coarse', micros)
        end
    end
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
    write('ZADD', MARKS, room.mark, text(room.serving) .. ':' .. text(room.direct))
    thinMarks(room)
end

-- ------------------------------------------------------------------------------------------------------- gateways

-- By name: when it last ticked, how many healthy workers it sees, and since when it is back from its latest silence.
local function gatewaysOf()
    local flat, gateways = redis.call('HGETALL', GATEWAYS), {}
    for index = 1, #flat, 2 do
        local micros, healthy, back = string.match(flat[index + 1], '^(%d+):(-?%d+):?(%d*)$')
        if micros then
            gateways[flat[index]] = {
                micros = tonumber(micros), healthy = tonumber(healthy), back = tonumber(back) or 0,
            }
        end
    end
    return gateways
end

local function isBeatDue(room, gateway)
    local age = room.now - gateway.micros
    return age < 0 or age >= HEARTBEAT_MICROS
end

-- What lies ahead is from before version 1 has set the room's time back.
local function isSilent(room, gateway)
    local away = room.away <= room.now and room.away or 0
    return gateway == nil or gateway.micros < max(away, room.now - DOOR_SILENCE_MICROS)
end

local function writeBeat(room, gateways, name, healthy, back)
    gateways[name] = { micros = room.now, healthy = healthy, back = back }
    write('HSET', GATEWAYS, name, text(room.now) .. ':' .. text(healthy) .. ':' .. text(back))
    room.touched = true
end

-- Once in a while, and whenever its workers change. Gateways not heard of for long are forgotten. In a silence, and while
-- it saw no healthy worker, visitors of the gateway may have been dropped from the door, and it was not told: it is back
-- from then on, and is asked to tell of all anew until it says that it has heard so.
local function beat(room, gateways, name, healthy)
    local former = gateways[name]
    local isBack = isSilent(room, former) or former.healthy == 0 and healthy ~= 0
    if not isBack and former.healthy == healthy and not isBeatDue(room, former) then return end
    writeBeat(room, gateways, name, healthy, isBack and room.now or former.back)
    for other, gateway in pairs(gateways) do
        if gateway.micros < room.now - GATEWAY_MEMORY_MICROS then
            redis.call('HDEL', GATEWAYS, other)
            gateways[other] = nil
        end
    end
end

-- A gateway that brings visitors is there, though it may not have ticked yet.
local function refreshBeat(room, gateways, name)
    local former = gateways[name]
    if isSilent(room, former) then return writeBeat(room, gateways, name, -1, room.now) end
    if isBeatDue(room, former) then writeBeat(room, gateways, name, former.healthy, former.back) end
end

-- Every gateway that has lately said how many healthy workers it sees has said none.
local function isHeld(room, gateways)
    local said = false
    for _, gateway in pairs(gateways) do
        if gateway.healthy >= 0 and gateway.micros >= room.now - HEALTH_MICROS then
            if gateway.healthy > 0 then return 0 end
            said = true
        end
    end
    return said and 1 or 0
end

-- ------------------------------------------------------------------------------------------------------- the door

-- How many visitors may be admitted now. A closed room, a rate of nought, or workers that are all away, hold everybody,
-- called before or not, whatever the bucket still has.
-- After a silence gateways, and the loops of each, come back one after the other: for a second nobody goes in, so that all
-- have said who stands at their doors, and the lowest go first.
local function turns(room, sessions)
    if not isOpen(room) or room.rate == 0 or room.held == 1 then return 0 end
    if room.away > 0 and room.now >= room.away and room.now < room.away + DOOR_SILENCE_MICROS then return 0 end
    return max(0, min(floor(room.tokens / TOKEN), room.slots - sessions - room.lost))
end

-- Turns that nobody has been called for. The called have a horizon to ask; who stayed away longer finds a turn of the
-- next ones, so that no-shows keep nobody out.
local function freeTurns(room, sessions)
    local left = turns(room, sessions)
    if left == 0 then return 0 end
    local outstanding = outstandingSince(room, microsAgo(room, room.horizon))
    if outstanding <= 0 then return left end
    return max(0, left - floor((outstanding * showUpOf(room).ratio + WHOLE - 1) / WHOLE))
end

local function doorCount()
    return redis.call('ZCARD', DOOR) + redis.call('ZCARD', EARLY)
end

-- Of version 2's and of version 1's.
local function leaveDoor(ids)
    if #ids == 0 then return 0 end
    local before = doorCount()
    for _, key in ipairs({ DOOR, EARLY, SINCE, SEEN }) do inChunks(ids, 'ZREM', key) end
    inChunks(ids, 'HDEL', OWNERS)
    return before - doorCount()
end

local function ofThisLine(ids) return without(ids, function(id) return id < 0 end) end

local function ofOlderLines(ids) return without(ids, function(id) return id > 0 end) end

local function standAtDoor(room, gateways, gateway, coming, standing)
    if #coming + #standing == 0 then return end
    inChunks(scored(nil, ofThisLine(coming)), 'ZADD', DOOR)
    inChunks(scored(nil, ofOlderLines(coming)), 'ZADD', EARLY)
    inChunks(scored(room.now, coming), 'ZADD', SINCE)
    inChunks(paired(coming, gateway), 'HSET', OWNERS)
    inChunks(paired(standing, gateway), 'HSET', OWNERS)
    room.touched = true
    refreshBeat(room, gateways, gateway)
    if #standing == 0 then return end
    -- Who is told of again since the gateway is back is there.
    local since, told = redis.call('ZMSCORE', SINCE, unpack(worded(standing))), {}
    for index, id in ipairs(standing) do
        if since[index] and tonumber(since[index]) < gateways[gateway].back then told[#told + 1] = id end
    end
    inChunks(scored(room.now, told), 'ZADD', SINCE)
end

local function noteAdmitted(ids)
    setBits(EXCHANGED, ofThisLine(ids))
    inChunks(ofOlderLines(ids), 'SADD', CARRIED)
end

-- None of these has a live session; some may have one that is over and still there.
function inside.begin(room, ids)
    local added = inChunks(scored(room.now + room.session, ids), 'ZADD', SESSIONS)
    room.expired = room.expired - (#ids - added)
end

-- Writes what an admission leaves behind; `waits` tells how long each was at the door. Ascending ids.
local function admit(room, ids, waits)
    if #ids == 0 then return end
    local grants = {}
    for index, id in ipairs(ids) do grants[index] = text(id) .. ':' .. text(waits[index] or 0) end
    noteAdmitted(ids)
    inside.begin(room, ids)
    room.tokens = room.tokens - #ids * TOKEN
    set(room, 'admitted', room.admitted + #ids)
    writeJournal(room, 'exchange', 'g', table.concat(grants, ','))
end

local function tell(room, kind, ids)
    if #ids == 0 then return end
    local list = {}
    for index, id in ipairs(ids) do list[2 * index - 1], list[2 * index] = room.events + index, kind .. text(id) end
    set(room, 'events', room.events + #ids)
    inChunks(list, 'ZADD', EVENTS)
    redis.call('ZREMRANGEBYSCORE', EVENTS, '-inf', room.events - EVENTS_KEPT)
end

local function popLowest(count)
    local popped = write('ZPOPMIN', EARLY, count)
    if #popped / 2 < count then
        for _, value in ipairs(write('ZPOPMIN', DOOR, count - #popped / 2)) do popped[#popped + 1] = value end
    end
    local ids = {}
    for index = 1, #popped, 2 do ids[#ids + 1] = tonumber(popped[index]) end
    return ids
end

-- Gateways that see no healthy worker while others see some: their visitors would be let in to an error.
local function restingOf(room, gateways)
    local resting, isAnyWell = {}, false
    for name, gateway in pairs(gateways) do
        if gateway.micros >= room.now - HEALTH_MICROS then
            isAnyWell = isAnyWell or gateway.healthy > 0
            resting[name] = gateway.healthy == 0
        end
    end
    return isAnyWell and resting or {}
end

-- Whether the gateway of each id at the door is there, and has told of it since it came back; version 1's have none, and
-- say themselves that they are. Then by which gateway, and since when.
local function present(room, gateways, ids)
    local owners = redis.call('HMGET', OWNERS, unpack(worded(ids)))
    local since = redis.call('ZMSCORE', SINCE, unpack(worded(ids)))
    local seen
    local list = {}
    for index in ipairs(ids) do
        since[index] = tonumber(since[index] or room.now)
        if owners[index] then
            local gateway = gateways[owners[index]]
            list[index] = not isSilent(room, gateway) and (since[index] >= gateway.back or gateway.back > room.now)
        else
            seen = seen or redis.call('ZMSCORE', SEEN, unpack(worded(ids)))
            list[index] = seen[index] and tonumber(seen[index]) >= room.now - DOOR_SILENCE_MICROS or false
        end
    end
    return list, owners, since
end

local function lowestAtDoor(count)
    local ids = redis.call('ZRANGE', EARLY, 0, count - 1)
    if #ids < count then
        for _, id in ipairs(redis.call('ZRANGE', DOOR, 0, count - #ids - 1)) do ids[#ids + 1] = id end
    end
    return ids
end

-- The gateway was silent: whom it left at the door may have gone unsaid. It tells anew who stands there. Of more than one
-- call looks at, those behind are not let in, being from before it came back (`present`).
local function forgetDoorOf(room, gateways, name)
    if not isSilent(room, gateways[name]) then return end
    local ids, gone = lowestAtDoor(RETURN_SWEEP), {}
    for first = 1, #ids, 1000 do
        local part = { unpack(ids, first, min(first + 999, #ids)) }
        for index, owner in ipairs(redis.call('HMGET', OWNERS, unpack(part))) do
            if owner == name then gone[#gone + 1] = part[index] end
        end
    end
    if leaveDoor(gone) > 0 then room.touched = true end
end

-- Admits the lowest places at the door while there are tokens and slots, whichever gateway holds their requests: so
-- nobody is ever admitted past a lower place that is at the door. Visitors whose gateway has gone, or has no workers, are
-- dropped on the way: at the door they would count as if they could use a turn. Their arrival stands, and the gateway
-- tells of them anew when it is well. All but those of `telling` become events.
local function settleDoor(room, gateways, left, telling)
    local looks, granted, waits, news = LARGEST_BATCH, {}, {}, {}
    local resting = restingOf(room, gateways)
    while left > 0 and looks > 0 do
        local ids = popLowest(min(left, looks))
        if #ids == 0 then break end
        looks = looks - #ids
        room.touched = true
        local are, owners, since = present(room, gateways, ids)
        for index, id in ipairs(ids) do
            if are[index] and not (owners[index] and resting[owners[index]]) then
                granted[#granted + 1] = id
                waits[#granted] = max(0, room.now - since[index])
                left = left - 1
                if not (telling and telling[id]) then news[#news + 1] = id end
            end
        end
        leaveDoor(ids)
    end
    admit(room, granted, waits)
    tell(room, 'g', news)
    return granted
end

-- A part of the door at a time: visitors whose gateway has gone, or has not told of them since it came back, would count
-- as waiting there.
local function sweepDoor(room, gateways)
    local silent = redis.call('ZRANGEBYSCORE', SEEN, '-inf', '(' .. text(room.now - DOOR_SILENCE_MICROS), 'LIMIT', 0,
        DOOR_SWEEP)
    if #silent > 0 then
        local owners = redis.call('HMGET', OWNERS, unpack(silent))
        local gone = {}
        for index, id in ipairs(silent) do
            if not owners[index] then gone[#gone + 1] = id end
        end
        leaveDoor(gone)
        inChunks(silent, 'ZREM', SEEN)
        room.touched = true
    end
    local isAnyAway = false
    for _, gateway in pairs(gateways) do
        isAnyAway = isAnyAway or isSilent(room, gateway) or gateway.back > room.now - GATEWAY_MEMORY_MICROS
    end
    if not isAnyAway or doorCount() == 0 then return end
    local looked = {}
    if room.swept <= 0 then
        local from = room.swept < 0 and '(' .. text(room.swept) or '-inf'
        looked = redis.call('ZRANGEBYSCORE', EARLY, from, '+inf', 'LIMIT', 0, DOOR_SWEEP)
    end
    if #looked < DOOR_SWEEP then
        local from = room.swept > 0 and '(' .. text(room.swept) or '-inf'
        local more = redis.call('ZRANGEBYSCORE', DOOR, from, '+inf', 'LIMIT', 0, DOOR_SWEEP - #looked)
        for _, id in ipairs(more) do looked[#looked + 1] = id end
    end
    set(room, 'swept', #looked == DOOR_SWEEP and tonumber(looked[#looked]) or 0)
    if #looked == 0 then return end
    local are, gone = present(room, gateways, looked), {}
    for index, id in ipairs(looked) do
        if not are[index] then gone[#gone + 1] = id end
    end
    if leaveDoor(gone) > 0 then room.touched = true end
end

-- ------------------------------------------------------------------------------------------------------ operations

-- Lua takes 200 local names at the top of a script: these are fields.
local operations = {}

-- join COUNT -> first, count, admitted, expiry (0 when none is admitted)
function operations.join()
    local known, count = knownMarks(), argument(FIRST_OWN, 'count')
    if count < 1 or count > LARGEST_BATCH then
        fail('BATCH join takes 1 to ' .. LARGEST_BATCH .. ' places at once, not ' .. ARGV[FIRST_OWN] .. ': split it')
    end
    local room = enter(known)
    local first = behindBlocks(room, count)
    if first + count - 1 > LAST_NUMBER then
        commit(room)
        fail('LINEFULL all ' .. text(LAST_NUMBER) .. ' numbers of this line are handed out: open a new room')
    end
    jumpBlocks(room, first)
    local admitted = 0
    -- Nobody is ahead: whoever can go in now need not ask a second time.
    -- The called of older lines have a horizon to ask, too.
    local isSettled = isOpen(room) and room.now >= room.waits_until
        and (room.older_called == 0 or room.now >= room.older_called + room.horizon)
    if isSettled and doorCount() == 0 and not isOlderWaiting(olderOf(room)) then
        skipGaps(room)
        if room.serving == first - 1 then admitted = min(count, freeTurns(room, liveSessions(room))) end
    end
    local ids = {}
    for index = 1, admitted do ids[index] = first + index - 1 end
    setBits(ARRIVED, ids)
    set(room, 'issued', first + count - 1)
    set(room, 'serving', room.serving + admitted)
    set(room, 'direct', room.direct + admitted)
    admit(room, ids, {})
    commit(room)
    local expiry = admitted > 0 and room.now + room.session or 0
    return answer(room, { 'first', first, 'count', count, 'admitted', admitted, 'expiry', expiry })
end

-- A higher generation of the settings is taken. The limits last taken are enforced by every tick: a gateway of
-- version 1, which knows no generations, may have written its own.
-- `heard` is the highest generation that the gateway has heard of here. When the record knows only a lower one, it has
-- lost the limits in force: as long as a silence may last, only the gateway that has them can open the room again. If it
-- does not come, the room goes on with what there is, and is not closed for that generation once more until the next loss.
local function takeLimits(room, limits, generation, heard)
    local names = { 'inflow', 'burst', 'slots', 'session', 'claim', 'horizon', 'opens' }
    local parts = {}
    for index, name in ipairs(names) do parts[index] = text(limits[name]) end
    local mine, ignored, conflict = table.concat(parts, ':'), 0, 0
    if room.limits == '' or generation > room.generation then
        set(room, 'limits', mine)
        set(room, 'generation', generation)
    elseif mine ~= room.limits then
        if generation == room.generation then
            conflict = 1
            set(room, 'conflicts', room.conflicts + 1)
        else
            ignored = 1
            set(room, 'stale', room.stale + 1)
        end
    end
    if heard > max(room.heard, room.generation) then
        set(room, 'heard', heard)
        set(room, 'heard_until', room.now + SILENCE_MICROS)
    end
    if room.generation >= room.heard then set(room, 'heard_until', 0) end
    local index, settled = 0, {}
    for value in string.gmatch(room.limits, '%d+') do
        index = index + 1
        if names[index] then settled[names[index]] = tonumber(value) end
    end
    if index ~= #names then damaged('limits') end
    for _, name in ipairs({ 'inflow', 'session', 'claim', 'horizon', 'opens' }) do set(room, name, settled[name]) end
    enforce(room, settled.burst, settled.slots)
    return ignored, conflict
end

local function trimJournal(room, ...)
    local trimmed = redis.call('XTRIM', JOURNAL, ...)
    if trimmed > 0 then set(room, 'trimmed', room.trimmed + trimmed) end
    return trimmed
end

-- Trims the journal, a part at a time: its length then, and whether a minute is over: then all of the room lives on for
-- its retention.
local function keep(room, entries, micros, millis)
    local length = redis.call('XLEN', JOURNAL)
    if length > entries then
        length = length - trimJournal(room, 'MAXLEN', '=', max(entries, length - TRIMMED_AT_ONCE))
    end
    if room.now - room.kept < KEEP_MICROS then return length, false end
    set(room, 'kept', room.now)
    set(room, 'retention', millis)
    local time = redis.call('TIME')
    local earliest = tonumber(time[1]) * 1000 - floor(micros / 1000)
    return length - trimJournal(room, 'MINID', '~', text(max(0, earliest)), 'LIMIT', TRIMMED_AT_ONCE), true
end

-- The events after `seen`: those let in with their expiries, those released; the last event told, and whether some are
-- lost to the caller.
local function eventsSince(room, seen)
    if seen < 0 then return {}, {}, room.events, 0 end
    if seen > room.events or room.events - seen > EVENTS_KEPT then return {}, {}, room.events, 1 end
    if seen == room.events then return {}, {}, room.events, 0 end
    local found = redis.call('ZRANGEBYSCORE', EVENTS, '(' .. text(seen), '+inf', 'WITHSCORES', 'LIMIT', 0, EVENTS_TOLD)
    local granted, released, last = {}, {}, room.events
    for index = 1, #found, 2 do
        local id = tonumber(string.sub(found[index], 2))
        local list = string.sub(found[index], 1, 1) == 'g' and granted or released
        list[#list + 1] = id
    end
    if #found == 2 * EVENTS_TOLD then last = tonumber(found[#found]) end
    local pairs = {}
    for index, expiry in ipairs(liveScores(room, SESSIONS, granted)) do
        pairs[2 * index - 1], pairs[2 * index] = granted[index], expiry or 0
    end
    return pairs, released, last, 0
end

-- The part of the gaps that now-serving has not passed.
local function gapsAhead(room)
    local entries = {}
    for _, gap in ipairs(gapsOf(room)) do
        if gap.to > room.serving then entries[#entries + 1] = text(gap.from) .. '-' .. text(gap.to) end
    end
    return table.concat(entries, ',')
end

-- Older lines that visitors of the gateway have shown: "epoch:lowest:highest:serving,..."
local function noteSeen(room, list)
    for entry in string.gmatch(list, '[^,]+') do
        local epoch, lowest, highest, serving = string.match(entry, '^(%d+):(%d+):(%d+):(%d+)$')
        noteOlder(room, tonumber(epoch), tonumber(highest), max(tonumber(serving), tonumber(lowest) - 1))
    end
end

local function checkSeen(list)
    local count = 0
    for entry in string.gmatch(list, '[^,]+') do
        count = count + 1
        local values = { string.match(entry, '^(%d+):(%d+):(%d+):(%d+)$') }
        local isGood = count <= 8 and values[1] ~= nil
        for _, value in ipairs(values) do isGood = isGood and tonumber(value) <= LAST_NUMBER end
        if not isGood then fail('BADARG older lines are not epoch:lowest:highest:serving: ' .. entry) end
    end
    return list
end

local function tickArguments()
    local at = FIRST_OWN
    local function next(name, least)
        at = at + 1
        return argumentWithin(at, name, least or 0, LARGEST_INTEGER)
    end
    return {
        gateway = gatewayArgument(FIRST_OWN),
        generation = next('generation'),
        limits = {
            inflow = next('inflow'), burst = next('burst'), slots = next('slots'), session = next('session'),
            claim = next('claim'), horizon = next('horizon'), opens = next('opens'),
        },
        healthy = next('healthy', -1),
        seen = next('events seen', -1),
        start = next('block start'),
        used = next('block used'),
        size = next('block size'),
        entries = next('journal entries'),
        micros = next('journal micros'),
        millis = next('retention'),
        older = checkSeen(ARGV[FIRST_OWN + 17] or ''),
        heard = argumentWithin(FIRST_OWN + 18, 'heard', 0, LARGEST_INTEGER),
        returned = argumentWithin(FIRST_OWN + 19, 'returned', 0, LARGEST_INTEGER),
    }
end

-- tick GATEWAY GENERATION INFLOW BURST SLOTS SESSION CLAIM HORIZON OPENS HEALTHY EVENTS_SEEN BLOCK_START BLOCK_USED
-- BLOCK_SIZE JOURNAL_ENTRIES JOURNAL_MICROS RETENTION_MILLIS OLDER HEARD RETURNED -> the snapshot, events, the leased
-- block. RETURNED repeats what the last answer taken in told: since when this gateway is back from a silence.
function operations.tick()
    local known, given = knownMarks(), tickArguments()
    local room = load(clock(), known.run, known.reckoned)
    local usedBlock = given.used > 0 and given.start or 0
    if room then
        takeIn(room, known, usedBlock)
    else
        room = create(known, given.limits.burst, given.limits.session, usedBlock)
    end
    noteSeen(room, given.older)
    local ignored, conflict = takeLimits(room, given.limits, given.generation, given.heard)
    local gateways, atDoor = gatewaysOf(), doorCount()
    if atDoor > 0 then forgetDoorOf(room, gateways, given.gateway) end
    beat(room, gateways, given.gateway, given.healthy)
    set(room, 'held', isHeld(room, gateways))
    local block = lease(room, gateways, given.gateway, given.start, given.used, given.size, known.epoch == room.epoch)
    local sessions = liveSessions(room)
    if atDoor > 0 then
        sweepDoor(room, gateways)
        sessions = sessions + #settleDoor(room, gateways, turns(room, sessions))
        atDoor = doorCount()
    end
    local showUp = sampleShowUp(room)
    callNext(room, showUp, sessions, atDoor)
    writeMark(room)
    local journal, isDue = keep(room, given.entries, given.micros, given.millis)
    local granted, released, last, isLost = eventsSince(room, given.seen)
    local returned = gateways[given.gateway].back
    commit(room)
    if isDue then
        for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, given.millis) end
    end
    return answer(room, {
        'admitted', room.admitted, 'sessions', sessions + room.lost, 'lost', room.lost, 'door', atDoor,
        'rate', room.rate, 'tokens', room.tokens, 'burst', room.burst, 'slots', room.slots,
        'show_up', floor((showUp.ratio + 500) / 1000), 'show_up_places', showUp.places,
        'opens', room.opens, 'skew', room.skew, 'inflow', room.inflow,
        'session', room.session, 'claim', room.claim, 'horizon', room.horizon, 'generation', room.generation,
        'ignored', ignored, 'conflict', conflict, 'stale', room.stale, 'conflicts', room.conflicts,
        'allowed', room.allowed, 'allowed_until', room.allowed_until, 'held', room.held,
        'void_before', room.void_before, 'gaps', gapsAhead(room), 'older', room.older,
        'journal', journal, 'trimmed', room.trimmed, 'granted', granted, 'released', released,
        'events', last, 'events_lost', returned ~= given.returned and 1 or isLost, 'returned', returned,
        'block', block,
    })
end

-- The ids in ascending order, each once.
local function unique(ids)
    local sorted, distinct = { unpack(ids) }, {}
    table.sort(sorted)
    for _, id in ipairs(sorted) do
        if id ~= distinct[#distinct] then distinct[#distinct + 1] = id end
    end
    return distinct
end

function inside.adopt(room, ids)
    if #ids == 0 then return end
    local list = {}
    for index, id in ipairs(ids) do list[index] = text(id) end
    setBits(ARRIVED, ofThisLine(ids))
    noteAdmitted(ids)
    inside.begin(room, ids)
    leaveDoor(ids)
    set(room, 'lost', max(0, room.lost - #ids))
    writeJournal(room, 'adopt', 'g', table.concat(list, ','))
end

-- Who was let in just before a silence may never have got the pass, and the session ran out meanwhile (`expiry`). While
-- those of the silence are kept it is made anew where its slot is kept, with the others of `remade`; where it is not, the
-- visitor may go in like others (nil).
function inside.remake(room, id, expiry, remade)
    if remade[id] then return room.now + room.session end
    local from, to = inside.pardon(room)
    expiry = tonumber(expiry or 0)
    if expiry <= from or expiry > to then return OUTCOME.ENDED end
    if room.lost <= #remade.ids then return nil end
    remade[id] = true
    remade.ids[#remade.ids + 1] = id
    return room.now + room.session
end

-- What is already decided about an id that asks; nil when it may go in.
local function verdict(room, id, session, isReleased, bit, lines, lapsedUpTo)
    if session then return session end
    if id < 0 then
        local epoch, number = placeOf(room, id)
        for _, line in ipairs(lines) do
            if line.epoch == epoch and number <= line.serving then
                if isReleased or redis.call('SISMEMBER', CARRIED, id) == 1 then return OUTCOME.ENDED end
                return nil
            end
        end
        return OUTCOME.NOT_SERVED
    end
    if id > room.serving then return OUTCOME.NOT_SERVED end
    if isReleased or bit.exchanged[id] == 1 then return OUTCOME.ENDED end
    if id <= lapsedUpTo and bit.arrived[id] == 0 then return OUTCOME.LAPSED end
    return nil
end

-- The ids that are not void, at their places in the batch.
local function sound(own)
    local ids, places = {}, {}
    for index, id in ipairs(own) do
        if id then
            ids[#ids + 1] = id
            places[#places + 1] = index
        end
    end
    return ids, places
end

-- Of called numbers, by number: whether they were admitted once, and whether they arrived.
local function bitsOf(room, ids)
    local called = without(ids, function(id) return id < 0 or id > room.serving end)
    local exchanged, arrived = getBits(EXCHANGED, called), getBits(ARRIVED, called)
    local bit = { exchanged = {}, arrived = {} }
    for index, id in ipairs(called) do bit.exchanged[id], bit.arrived[id] = exchanged[index], arrived[index] end
    return bit
end

local function standsOf(ids)
    if #ids == 0 or doorCount() == 0 then return {} end
    local stands = redis.call('ZMSCORE', DOOR, unpack(worded(ids)))
    if redis.call('ZCARD', EARLY) == 0 then return stands end
    for index, score in ipairs(redis.call('ZMSCORE', EARLY, unpack(worded(ids)))) do
        stands[index] = stands[index] or score
    end
    return stands
end

-- exchange GATEWAY ID... -> outcomes: one for each id, in the order of the arguments
function operations.exchange()
    local known, ids, gateway = knownMarks(), idArguments(FIRST_OWN + 1, 1), gatewayArgument(FIRST_OWN)
    local room, gateways = enter(known), nil
    if #ids > 0 then
        gateways = gatewaysOf()
        if doorCount() > 0 then forgetDoorOf(room, gateways, gateway) end
    end
    local own, places = sound(ownIds(room, ids, known))
    local lapsedUpTo, lines = servingAt(room, microsAgo(room, room.claim)), olderOf(room)
    local sessions, stands = liveScores(room, SESSIONS, own), standsOf(own)
    local released = redis.call('EXISTS', RELEASED) == 1 and liveScores(room, RELEASED, own) or {}
    local bit, kept, remade = bitsOf(room, own), {}, { ids = {} }
    if #own > 0 and inside.pardon(room) > 0 then kept = redis.call('ZMSCORE', SESSIONS, unpack(worded(own))) end
    local outcomes, coming, standing, asking = {}, {}, {}, {}
    for index in ipairs(ids) do outcomes[index] = OUTCOME.VOID end
    for index, id in ipairs(own) do
        local decided = nil
        if stands[index] then
            standing[#standing + 1] = id
        else
            decided = verdict(room, id, sessions[index], released[index], bit, lines, lapsedUpTo)
            if decided == OUTCOME.ENDED and not released[index] then
                decided = inside.remake(room, id, kept[index], remade)
            end
            if decided == nil then coming[#coming + 1] = id end
        end
        outcomes[places[index]] = decided
        if decided == nil then asking[places[index]] = id end
    end
    inside.adopt(room, remade.ids)
    coming = unique(coming)
    setBits(ARRIVED, ofThisLine(coming))
    local left, isIn = turns(room, liveSessions(room)), {}
    -- Of a gateway without workers, those who came before may be waiting to be told anew.
    if doorCount() == 0 and #coming <= left and not (gateways and restingOf(room, gateways)[gateway]) then
        admit(room, coming, {})
        for _, id in ipairs(coming) do isIn[id] = true end
    else
        local telling = {}
        gateways = gateways or gatewaysOf()
        standAtDoor(room, gateways, gateway, coming, standing)
        for _, id in ipairs(coming) do telling[id] = true end
        for _, id in ipairs(settleDoor(room, gateways, left, telling)) do isIn[id] = true end
    end
    commit(room)
    for index, id in pairs(asking) do outcomes[index] = isIn[id] and room.now + room.session or OUTCOME.AT_DOOR end
    return answer(room, { 'outcomes', outcomes })
end

-- renew (ID EXPIRY)... -> expiries: for each id the new one, or 0 when its session is over. A session that is not here
-- is made anew while the pass, which expires at EXPIRY, is good. A pass proves that its number was called.
function operations.renew()
    local known, ids = knownMarks(), idArguments(FIRST_OWN, 2)
    local passes = {}
    for index = 1, #ids do passes[index] = argument(FIRST_OWN + 2 * index - 1, 'expiry') end
    if known.epoch > 0 then
        for _, id in ipairs(ids) do
            known.serving, known.issued = max(known.serving, id), max(known.issued, id)
        end
    end
    local room = enter(known)
    local own, places = sound(ownIds(room, ids, known))
    local sessions, released = liveScores(room, SESSIONS, own), liveScores(room, RELEASED, own)
    local expiry = room.now + room.session
    local expiries, live, adopted, isAdopted = {}, {}, {}, {}
    for index in ipairs(ids) do expiries[index] = 0 end
    for index, id in ipairs(own) do
        local isLive = sessions[index] or isAdopted[id]
        if not isLive and passes[places[index]] > room.now and not released[index] then
            adopted[#adopted + 1] = id
            isAdopted[id] = true
            isLive = true
        end
        if isLive then
            live[#live + 1] = id
            expiries[places[index]] = expiry
        end
    end
    inside.adopt(room, adopted)
    inChunks(scored(expiry, live), 'ZADD', SESSIONS)
    room.touched = room.touched or #live > 0
    commit(room)
    return answer(room, { 'expiries', expiries })
end

-- release ID... -> count: how many slots became free. No pass of these is good any more, on any gateway.
function operations.release()
    local known, ids = knownMarks(), idArguments(FIRST_OWN, 1)
    local room = enter(known)
    local own = sound(ownIds(room, ids, known))
    local sessions, released = liveScores(room, SESSIONS, own), liveScores(room, RELEASED, own)
    local freed, news, isDone, ended, untils = 0, {}, {}, {}, {}
    for index, id in ipairs(own) do
        if not isDone[id] then
            isDone[id] = true
            if sessions[index] then freed = freed + 1 end
            ended[#ended + 1] = id
            if sessions[index] or not released[index] then
                news[#news + 1] = id
                untils[#untils + 1] = max(sessions[index] or 0, room.now + room.session)
                untils[#untils + 1] = id
            end
        end
    end
    local removed = inChunks(ended, 'ZREM', SESSIONS)
    room.expired = room.expired - (removed - freed)
    room.touched = room.touched or removed > 0
    inChunks(untils, 'ZADD', RELEASED)
    tell(room, 'r', news)
    commit(room)
    return answer(room, { 'count', freed })
end

-- leave GATEWAY ID... -> count: how many were at the door by that gateway; their places and their arrival stand
function operations.leave()
    local known, ids, gateway = knownMarks(), idArguments(FIRST_OWN + 1, 1), gatewayArgument(FIRST_OWN)
    local room = enter(known)
    local own = sound(ownIds(room, ids, known))
    local owners, gone = #own > 0 and redis.call('HMGET', OWNERS, unpack(worded(own))) or {}, {}
    for index, id in ipairs(own) do
        if owners[index] == gateway then gone[#gone + 1] = id end
    end
    local left = leaveDoor(gone)
    room.touched = room.touched or left > 0
    commit(room)
    return answer(room, { 'count', left })
end

-- allow RATE FENCE -> taken: 0 when a later leader has spoken; rate: the one in force. The bound is leased.
-- The controller knows nothing of the line, so its call says nothing of a loss, and ends no silence.
function operations.allow()
    local rate, fence = argument(FIRST_OWN, 'rate'), argument(FIRST_OWN + 1, 'fence')
    local known = knownMarks()
    known.reckoned = -1
    local room = existing(known)
    local taken = fence >= room.fence
    if taken then
        set(room, 'fence', fence)
        set(room, 'allowed', max(-1, rate))
        set(room, 'allowed_until', rate < 0 and 0 or room.now + ALLOWED_LEASE_MICROS)
        enforce(room, room.burst, room.slots)
    end
    commit(room)
    return answer(room, { 'taken', taken and 1 or 0, 'rate', room.rate })
end

-- reset -> ends the line: all its places and passes, and those of older lines, are void, and a new line begins.
-- Refused when the caller knows another line than the room's: a repeated call ends no second one.
function operations.reset()
    local known = knownMarks()
    local room = enter(known)
    if known.epoch ~= 0 and known.epoch ~= room.epoch then
        commit(room)
        fail('VOID the line of epoch ' .. text(known.epoch) .. ' is over: the room\'s is ' .. text(room.epoch))
    end
    forgetLine(room)
    redis.call('UNLINK', GATEWAYS)
    set(room, 'epoch', max(room.epoch + 1, floor(room.now / 1000000)))
    set(room, 'void_before', room.epoch)
    set(room, 'incarnation', 1)
    for _, field in ipairs({ 'issued', 'serving', 'sampled', 'admitted', 'lost', 'held' }) do set(room, field, 0) end
    set(room, 'older', '')
    room.tokens = 0
    room.touched = true
    writeJournal(room, 'reset', 'epoch', room.epoch)
    commit(room)
    return answer(room, {})
end

local operation = operations[ARGV[1]]
if operation == nil then
    fail('BADARG operation ' .. tostring(ARGV[1]) .. ' is not known: gateways of different versions share this Redis')
end
return operation()
