/// One word of a command.
public enum RedisArgument: Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case text(String)
    case bytes([UInt8])
    case integer(Int64)
    /// The number of the server's life (see `ServerRun`), put in when the command is sent: who sends cannot know which
    /// server it will reach. 0 when the user may not ask for it.
    case serverRun

    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
}
