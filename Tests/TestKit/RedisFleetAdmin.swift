import CHiredis
import Glibc

/// A blocking connection to a node's unix socket by plain hiredis: how a test looks after its servers, sharing no code
/// with the client that is tested.
final class RedisFleetAdmin {
    private let context: UnsafeMutablePointer<redisContext>

    init(socketPath: String, timeoutSeconds: Int = 20) throws {
        let timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        guard let context = redisConnectUnixWithTimeout(socketPath, timeout) else {
            throw RedisFleetError("hiredis: out of memory")
        }
        guard context.pointee.err == 0 else {
            redisFree(context)
            throw RedisFleetError("nobody listens at \(socketPath)")
        }
        redisSetTimeout(context, timeout)
        self.context = context
    }

    deinit { redisFree(self.context) }

    func command(_ arguments: [String]) throws -> RedisFleetReply {
        let copies: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        var pointers = copies.map { UnsafePointer($0) }
        let lengths = arguments.map(\.utf8.count)
        guard let raw = redisCommandArgv(self.context, Int32(arguments.count), &pointers, lengths) else {
            throw RedisFleetError("no answer to \(arguments.prefix(2).joined(separator: " "))")
        }
        defer { freeReplyObject(raw) }
        return Self.convert(raw.assumingMemoryBound(to: redisReply.self).pointee)
    }

    private static func convert(_ reply: redisReply) -> RedisFleetReply {
        switch reply.type {
        case REDIS_REPLY_INTEGER: return .integer(reply.integer)
        case REDIS_REPLY_NIL: return .null
        case REDIS_REPLY_ARRAY: return .array((0..<Int(reply.elements)).map { convert(reply.element[$0]!.pointee) })
        case REDIS_REPLY_ERROR: return .error(self.text(reply))
        default: return .text(self.text(reply))
        }
    }

    private static func text(_ reply: redisReply) -> String {
        String(decoding: UnsafeRawBufferPointer(start: reply.str, count: Int(reply.len)), as: UTF8.self)
    }
}

/// An answer to a test's own question.
public indirect enum RedisFleetReply: Equatable, Sendable {
    case integer(Int64)
    case text(String)
    case array([RedisFleetReply])
    case error(String)
    case null

    public var text: String? { if case .text(let text) = self { text } else { nil } }
    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    public var array: [RedisFleetReply] { if case .array(let list) = self { list } else { [] } }
}

/// Why a fleet cannot be used.
public struct RedisFleetError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
