/// Why a command has no answer.
public enum RedisError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no connection. The command was not sent, so it was certainly not carried out.
    case unavailable(String)
    /// `limit` commands or bytes are under way already. The command was not sent.
    case overloaded(String)
    /// The command was sent, and the connection ended or the time ran out before its answer: it may have been carried
    /// out or not.
    case unanswered(String)
    /// Redis answered with an error. `code` is its first word, such as `WRONGTYPE`; `message` is all of it.
    case refused(code: String, message: String)

    /// The first word of an error.
    static func code(of message: String) -> String { String(message.prefix { $0 != " " }) }

    /// What happened, without the words in front that say to whom.
    var reason: String {
        switch self {
        case .unavailable(let reason), .overloaded(let reason), .unanswered(let reason): reason
        case .refused(_, let message): message
        }
    }

    public var description: String {
        switch self {
        case .unavailable(let reason): "Redis is away: \(reason)"
        case .overloaded(let reason): "too many Redis commands at once: \(reason)"
        case .unanswered(let reason): "no answer from Redis: \(reason)"
        case .refused(_, let message): "Redis refused: \(message)"
        }
    }
}

public typealias RedisResult = Result<RedisValue, RedisError>
/// Called exactly once, on the client's loop, and never before the call that it was handed to has returned.
public typealias RedisCompletion = (RedisResult) -> Void
