import Admission
import RedisClient

enum TicketScript {
    static let key = "sluice:{tickets}:keys"

    static let source = """
        #!lua
        -- ARGV  nothing to read, or: what is expected, what to put in its place, how many milliseconds to keep it
        -- -> what stands then (empty for nothing), the time in microseconds
        local stands = redis.call('GET', KEYS[1]) or ''
        if ARGV[2] and stands == ARGV[1] then
            redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
            stands = ARGV[2]
        end
        local time = redis.call('TIME')
        return { stands, time[1], time[2] }
        """
}

/// The keys in Redis: one value, which a script replaces only when it is the one that was read.
public final class RedisTicketStore: TicketStore {
    private let client: RedisClient

    /// `client` was made with `SharedScripts.all`; who made it starts and closes it.
    public init(client: RedisClient) { self.client = client }

    public func load(completion: @escaping StoreCompletion<TicketRecord>) { self.run([], completion) }

    public func replace(
        expected: [UInt8]?,
        with sealed: [UInt8],
        keptMillis: Int64,
        completion: @escaping StoreCompletion<TicketRecord>
    ) {
        precondition(!sealed.isEmpty && keptMillis > 0)
        self.run([.bytes(expected ?? []), .bytes(sealed), .integer(keptMillis)], completion)
    }

    private func run(_ arguments: [RedisArgument], _ completion: @escaping StoreCompletion<TicketRecord>) {
        self.client.eval(SharedScripts.tickets, keys: [TicketScript.key], arguments: arguments) { result in
            completion(result.mapError { StoreError($0) }.flatMap { Self.record($0) })
        }
    }

    private static func record(_ reply: RedisValue) -> Result<TicketRecord, StoreError> {
        guard let parts = reply.array, parts.count == 3, case .bytes(let sealed) = parts[0],
            let seconds = parts[1].integer, let micros = parts[2].integer, (0...(1 << 40)).contains(seconds)
        else {
            return .failure(
                .refused("the ticket keys were answered with something else: do all programs here run one version?")
            )
        }
        let atMicros = seconds * 1_000_000 + micros
        return .success(TicketRecord(sealed: sealed.isEmpty ? nil : sealed, atMicros: atMicros))
    }
}
