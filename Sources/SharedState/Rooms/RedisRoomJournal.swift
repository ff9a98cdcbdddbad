import Admission
import EventLoop
import RedisClient

/// Reads the stream of a room and how much of it there has been, at one moment.
///
/// Everybody waits while a script runs. An entry may name 500 admissions and be of 8 kB, so that it reads no more than
/// some 256 kB, whatever was asked for.
enum JournalScript {
    static let source = """
        #!lua
        -- KEYS journal  ARGV after count
        -- -> kept, added, the first's id or '', 1 if there are more, then each record as id, fields
        local MOST_BYTES, PART = 256 * 1024, 8
        if redis.call('EXISTS', KEYS[1]) == 0 then return {0, 0, '', 0} end
        local about = {}
        local flat = redis.call('XINFO', 'STREAM', KEYS[1])
        for index = 1, #flat, 2 do about[flat[index]] = flat[index + 1] end

        local function parts(id)
            local first, second = string.match(id, '^(%d+)-(%d+)$')
            return tonumber(first), tonumber(second)
        end

        -- An id above all that were ever given is one of a stream that is no more.
        local start = '-'
        if ARGV[1] ~= '' then
            local ms, sequence = parts(ARGV[1])
            local lastMs, lastSequence = parts(about['last-generated-id'])
            if ms < lastMs or (ms == lastMs and sequence <= lastSequence) then start = '(' .. ARGV[1] end
        end
        -- An empty stream has no first entry.
        local first = about['first-entry']
        local answer = {about['length'], about['entries-added'] or about['length'], first and first[1] or '', 0}
        local left, bytes, last = tonumber(ARGV[2]), 0, nil
        while left > 0 and bytes < MOST_BYTES do
            local records = redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', math.min(left, PART))
            for index = 1, #records do
                answer[#answer + 1] = records[index]
                for field = 1, #records[index][2] do bytes = bytes + #records[index][2][field] end
            end
            if #records > 0 then last = records[#records][1] end
            if #records < PART then break end
            start = '(' .. last
            left = left - #records
        end
        if last and last ~= about['last-generated-id'] then answer[4] = 1 end
        return answer
        """
}

/// Journals in Redis.
public final class RedisRoomJournal: RoomJournal {
    private let client: RedisClient

    /// `client` was made with `SharedScripts.all`; who made it starts and closes it.
    public init(client: RedisClient) { self.client = client }

    public var loop: any LoopContext { self.client.loop }

    public func read(
        room: String,
        after: String?,
        count: Int,
        completion: @escaping StoreCompletion<JournalPage>
    ) {
        self.loop.preconditionOnLoop()
        if let after, JournalRecord.parts(of: after) == nil {
            let problem = StoreError.refused("'\(after)' is no id of a journal's entry: such are 1700000000000-0")
            return self.loop.onNextTurn { completion(.failure(problem)) }
        }
        let keys = [RoomScript.journalKey(room: room)]
        self.client.eval(SharedScripts.journal, keys: keys, arguments: [after ?? "", String(count)]) { result in
            switch result {
            case .failure(let error): completion(.failure(StoreError(error)))
            case .success(let value):
                guard let page = Self.page(value) else {
                    return completion(.failure(.refused("the journal of \(room) is not what this version writes")))
                }
                completion(.success(page))
            }
        }
    }

    private static func page(_ value: RedisValue) -> JournalPage? {
        guard let values = value.array, values.count >= 4, let kept = values[0].integer,
            let added = values[1].integer, let firstID = values[2].text, let more = values[3].integer
        else { return nil }
        var records: [JournalRecord] = []
        for value in values.dropFirst(4) {
            guard let parts = value.array, parts.count == 2, let id = parts[0].text, let texts = parts[1].texts,
                texts.count.isMultiple(of: 2)
            else { return nil }
            let fields = stride(from: 0, to: texts.count, by: 2).map { (name: texts[$0], value: texts[$0 + 1]) }
            records.append(JournalRecord(id: id, fields: fields))
        }
        return JournalPage(
            records: records,
            kept: kept,
            added: added,
            firstID: firstID.isEmpty ? nil : firstID,
            hasMore: more == 1
        )
    }
}
