/// A Lua script, known to its client from the start: the client loads it on every connection, learns its digest from
/// Redis's answer, and loads it again should Redis forget it.
public struct RedisScript: Sendable {
    /// Names the script in messages; unique among the scripts of a client.
    public let name: String
    public let source: [UInt8]

    public init(name: String, source: [UInt8]) {
        self.name = name
        self.source = source
    }
}
