/// The board's rules, run inside Redis. Each operation touches the keys of one hash tag.
enum BoardScript {
    /// signals, workers, decision, fence, registry: of one pool. The registry is for controllers what the workers are for
    /// gateways, and apart from them: gateways read theirs every second, and those of an older version read nothing else.
    static func keys(pool: String) -> [String] {
        ["signals", "workers", "decision", "fence", "registry"].map { "sluice:pool:{\(pool)}:\($0)" }
    }

    /// An operator's order about the pool's mode: a text of its own, which only controllers read.
    static func modeKey(pool: String) -> String { "sluice:pool:{\(pool)}:mode" }

    /// lock, fence, standby: of the one controller that leads, and of the last one that would have liked to.
    static let leaderKeys = ["leader", "fence", "standby"].map { "sluice:{controller}:\($0)" }

    static let source = """
        #!lua
        -- ARGV  operation, its arguments
        local operations = {}
        local keptMillis = \(BoardLimits.keptMillis)

        -- Whoever writes renews all of it.
        local function keep()
            for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, keptMillis) end
        end

        local function micros()
            local time = redis.call('TIME')
            return tonumber(time[1]) * 1000000 + tonumber(time[2])
        end

        -- Lua's own tostring keeps 14 digits; microseconds since 1970 have 16.
        local function text(integer)
            return string.format('%d', integer)
        end

        -- One call takes only so many values from Lua's stack; the size is even, so names stay with their values.
        local function writeHash(key, first, last)
            for start = first, last, 1000 do
                redis.call('HSET', key, unpack(ARGV, start, math.min(start + 999, last)))
            end
        end

        -- Whether this leader may write; a later one has not yet.
        local function isFenceTaken(fence)
            if tonumber(fence) < tonumber(redis.call('GET', KEYS[4]) or '0') then return false end
            redis.call('SET', KEYS[4], text(tonumber(fence)))
            return true
        end

        -- A value is its time, a colon, and the text. One from the future is of a clock that was set back since:
        -- a living gateway replaces it within a second.
        local function eachSignal(key, now, maxAge, take)
            local all = redis.call('HGETALL', key)
            for index = 1, #all, 2 do
                local stamp, rest = string.match(all[index + 1], '^(%d+):(.*)$')
                local age = stamp and now - tonumber(stamp)
                if age and (age < 0 or age > maxAge) then
                    redis.call('HDEL', key, all[index])
                else
                    take(all[index], stamp or '', rest or all[index + 1], age or 0)
                end
            end
        end

        -- report GATEWAY TEXT MAX FORGOTTEN -> the directory
        operations.report = function()
            local key, gateway, now = KEYS[1], ARGV[2], micros()
            local limit = tonumber(ARGV[4])
            if redis.call('HEXISTS', key, gateway) == 0 and redis.call('HLEN', key) >= limit then
                eachSignal(key, now, tonumber(ARGV[5]), function() end)
                if redis.call('HLEN', key) >= limit then
                    return redis.error_reply('BOARDFULL ' .. ARGV[4] .. ' gateways report to ' .. key
                        .. ' already: does each restart take a new name?')
                end
            end
            redis.call('HSET', key, gateway, text(now) .. ':' .. ARGV[3])
            keep()
            return redis.call('HGETALL', KEYS[2])
        end

        -- signals MAXAGE -> gateway, time, age, text of each that is not older
        operations.signals = function()
            local fresh = {}
            eachSignal(KEYS[1], micros(), tonumber(ARGV[2]), function(gateway, stamp, rest, age)
                fresh[#fresh + 1] = gateway
                fresh[#fresh + 1] = stamp
                fresh[#fresh + 1] = text(age)
                fresh[#fresh + 1] = rest
            end)
            return fresh
        end

        -- publish FENCE COUNT (ID RECORD)*COUNT (ID ENTRY)... -> 1 when taken, 0 when a later leader has written
        operations.publish = function()
            if not isFenceTaken(ARGV[2]) then return 0 end
            local last = 3 + 2 * tonumber(ARGV[3])
            redis.call('DEL', KEYS[2], KEYS[5])
            writeHash(KEYS[2], 4, last)
            writeHash(KEYS[5], last + 1, #ARGV)
            keep()
            return 1
        end

        -- registry -> the fence of the last leader who wrote, the directory, the registry
        operations.registry = function()
            return { redis.call('GET', KEYS[4]) or '0', redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[5]) }
        end

        -- decide FENCE (NAME VALUE)... -> 1 when taken, 0 when a later leader has written
        operations.decide = function()
            if not isFenceTaken(ARGV[2]) then return 0 end
            redis.call('DEL', KEYS[3])
            writeHash(KEYS[3], 3, #ARGV)
            redis.call('HSET', KEYS[3], 'at_micros', text(micros()))
            keep()
            return 1
        end

        -- lead CONTROLLER TTL DISPLACED (KEYS lock fence standby) -> the fence, or who leads instead
        -- Who leads makes way for others when it is DISPLACED: a process that is known to be gone.
        operations.lead = function()
            local leader = redis.call('GET', KEYS[1])
            if leader == ARGV[4] then leader = false end
            if leader and leader ~= ARGV[2] then
                redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
                return leader
            end
            if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
            redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
            redis.call('PEXPIRE', KEYS[2], keptMillis)
            local fence = tonumber(redis.call('GET', KEYS[2]) or '0')
            if leader and fence > 0 then return fence end
            -- The time keeps it rising even when Redis lost the last one.
            fence = math.max(fence + 1, micros())
            redis.call('SET', KEYS[2], text(fence), 'PX', keptMillis)
            return fence
        end

        -- resign CONTROLLER (KEYS lock fence standby) -> who leads or stands by now; empty when nobody does
        operations.resign = function()
            local leader, standby = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[3])
            if standby == ARGV[2] then
                redis.call('DEL', KEYS[3])
                standby = false
            end
            if leader and leader ~= ARGV[2] then return leader end
            redis.call('DEL', KEYS[1])
            return standby or ''
        end

        local operation = operations[ARGV[1]]
        if operation == nil then
            return redis.error_reply('BADARG operation ' .. tostring(ARGV[1])
                .. ' is not known: programs of different versions share this Redis')
        end
        return operation()
        """
}
