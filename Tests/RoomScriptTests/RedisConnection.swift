import Admission
import CHiredis
import Glibc

/// A blocking connection by plain hiredis: enough to hold the script against the model.
final class RedisConnection {
    enum Reply: Equatable {
        case integer(Int64)
        case string(String)
        case bytes([UInt8])
        case status(String)
        case error(String)
        case array([Reply])
        case null

        /// What the script answers; nil for what it never answers.
        var roomReply: RoomReply? {
            switch self {
            case .integer(let value): return .integer(value)
            case .string(let text), .status(let text): return .text(text)
            case .array(let elements):
                var list: [RoomReply] = []
                for element in elements {
                    guard let reply = element.roomReply else { return nil }
                    list.append(reply)
                }
                return .list(list)
            case .bytes, .error, .null: return nil
            }
        }

        var strings: [String] {
            guard case .array(let elements) = self else { return [] }
            return elements.compactMap { if case .string(let text) = $0 { text } else { nil } }
        }
    }

    struct Failure: Error, CustomStringConvertible { var description: String }

    private let context: UnsafeMutablePointer<redisContext>

    init(socketPath: String) throws {
        guard let context = redisConnectUnix(socketPath) else { throw Failure(description: "hiredis: out of memory") }
        guard context.pointee.err == 0 else {
            redisFree(context)
            throw Failure(description: "hiredis cannot connect to \(socketPath)")
        }
        self.context = context
    }

    deinit { redisFree(self.context) }

    func append(_ arguments: [String]) {
        let copies: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        var pointers = copies.map { UnsafePointer($0) }
        let lengths = arguments.map(\.utf8.count)
        redisAppendCommandArgv(self.context, Int32(arguments.count), &pointers, lengths)
    }

    func next() throws -> Reply {
        var raw: UnsafeMutableRawPointer?
        guard redisGetReply(self.context, &raw) == REDIS_OK, let raw else {
            throw Failure(description: "hiredis lost the connection (error \(self.context.pointee.err))")
        }
        defer { freeReplyObject(raw) }
        return self.convert(raw.assumingMemoryBound(to: redisReply.self).pointee)
    }

    @discardableResult
    func command(_ arguments: [String]) throws -> Reply {
        self.append(arguments)
        return try self.next()
    }

    private func convert(_ reply: redisReply) -> Reply {
        switch reply.type {
        case REDIS_REPLY_INTEGER: return .integer(reply.integer)
        case REDIS_REPLY_NIL: return .null
        case REDIS_REPLY_ARRAY:
            return .array((0..<Int(reply.elements)).map { self.convert(reply.element[$0]!.pointee) })
        case REDIS_REPLY_STATUS: return .status(self.text(reply) ?? "")
        case REDIS_REPLY_ERROR: return .error(self.text(reply) ?? "")
        default: return self.text(reply).map { .string($0) } ?? .bytes(self.bytes(reply))
        }
    }

    private func bytes(_ reply: redisReply) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: reply.str, count: Int(reply.len)))
    }

    private func text(_ reply: redisReply) -> String? { String(validating: self.bytes(reply), as: UTF8.self) }
}
