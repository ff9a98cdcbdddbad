/// The edge's own limits: how much of one gateway a client can use, and for how long.
public struct LimitSettings: Equatable, Sendable {
    /// Open client connections; nil takes what the system's descriptor limit leaves room for.
    public var connections: Int?
    /// Request line and fields together.
    public var headBytes = 16 * 1024
    public var targetBytes = 8 * 1024
    /// Header fields of one request.
    public var fields = 100
    public var bodyBytes = 8 * 1024 * 1024
    /// A body of up to so many bytes is gathered before a worker is taken for it; a longer one takes it when it flows.
    public var bufferedBodyBytes = 64 * 1024
    /// Input and output of all connections that is held in memory.
    public var bufferBytes = 512 * 1024 * 1024
    /// From the first byte of a request to the end of its head.
    public var headTimeoutNanoseconds: Int64 = .seconds(10)
    /// Between two parts of a body.
    public var bodyTimeoutNanoseconds: Int64 = .seconds(30)
    /// From the end of a head to the end of its body.
    public var bodyTotalTimeoutNanoseconds: Int64 = .minutes(5)
    /// What a slow client must at least send of a body or take of a response, in bytes a second; 0 asks nothing.
    public var minimumBytesPerSecond = 500
    /// Between two requests of a connection.
    public var idleTimeoutNanoseconds: Int64 = .seconds(30)
    /// For a client to take some of what is written to it.
    public var writeTimeoutNanoseconds: Int64 = .seconds(30)
    /// Requests held at the door: called visitors who wait for a token.
    public var waitingAtDoor = 5000
    public var doorTimeoutNanoseconds: Int64 = .seconds(10)
    /// Requests held until their place is given out.
    public var waitingToJoin = 20_000

    /// Requests that one connection of HTTP/2 may have under way.
    public var streams = 100

    public init() {}
}

extension LimitSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("connections", \.connections, .either("auto", or: .count(16...1_000_000)), .live),
            .value("head_bytes", \.headBytes, .size(1024...32 * 1024), .live),
            .value("target_bytes", \.targetBytes, .size(256...16 * 1024), .live),
            .value("fields", \.fields, .count(8...1000), .live),
            .value("body_bytes", \.bodyBytes, .size(0...64 << 30), .live),
            .value("buffered_body_bytes", \.bufferedBodyBytes, .size(0...1 << 20), .live),
            .value("buffer_bytes", \.bufferBytes, .size(1 << 20...64 << 30), .live),
            .value("head_timeout", \.headTimeoutNanoseconds, .duration(.milliseconds(100)...(.minutes(5))), .live),
            .value("body_timeout", \.bodyTimeoutNanoseconds, .duration(.milliseconds(100)...(.hours(1))), .live),
            .value(
                "body_total_timeout",
                \.bodyTotalTimeoutNanoseconds,
                .duration(.milliseconds(100)...(.hours(24))),
                .live
            ),
            .value("min_rate", \.minimumBytesPerSecond, .byteRate(0...1 << 30), .live),
            .value("idle_timeout", \.idleTimeoutNanoseconds, .duration(.milliseconds(100)...(.hours(1))), .live),
            .value("write_timeout", \.writeTimeoutNanoseconds, .duration(.milliseconds(100)...(.hours(1))), .live),
            .value("waiting_at_door", \.waitingAtDoor, .count(0...1_000_000), .live),
            .value("door_timeout", \.doorTimeoutNanoseconds, .duration(.milliseconds(100)...(.minutes(1))), .live),
            .value("waiting_to_join", \.waitingToJoin, .count(1...1_000_000), .live),
            .value("streams", \.streams, .count(1...1_000), .live),
        ]
    }

    package static func check(_ limits: Self, at path: String, _ findings: inout Findings) {
        if limits.targetBytes >= limits.headBytes {
            findings.reportContradiction(
                path + ".target_bytes",
                with: [path + ".head_bytes"],
                "\(SizeText.format(Int64(limits.targetBytes))) does not fit into a head of "
                    + "\(SizeText.format(Int64(limits.headBytes))); make it smaller than head_bytes"
            )
        }
    }
}

extension Int64 {
    static func milliseconds(_ count: Int64) -> Int64 { count * 1_000_000 }
    static func seconds(_ count: Int64) -> Int64 { count * 1_000_000_000 }
    static func minutes(_ count: Int64) -> Int64 { .seconds(60 * count) }
    static func hours(_ count: Int64) -> Int64 { .seconds(3600 * count) }
}
