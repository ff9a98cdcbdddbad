/// Connections that were switched to another protocol (WebSocket): how long they may go on, and how much of a pool they
/// may use.
public struct TunnelSettings: Equatable, Sendable {
    /// For which neither side sends anything.
    public var idleTimeoutNanoseconds: Int64 = .minutes(10)
    /// From the switch on; nil: as long as both sides like.
    public var lifetimeNanoseconds: Int64?
    /// How long a tunnel goes on that is to end: because the gateway ends, or because the visitor's session has.
    public var graceNanoseconds: Int64 = .seconds(10)
    /// Of one gateway at once; nil: half of the connections that the ready workers may be given.
    public var most: Int?
    /// So many open tunnels are as much work to a worker as one request.
    public var perSlot = 10

    public init() {}
}

extension TunnelSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("idle_timeout", \.idleTimeoutNanoseconds, .duration(.milliseconds(100)...(.hours(24))), .live),
            .value(
                "lifetime",
                \.lifetimeNanoseconds,
                .either("none", or: .duration(.milliseconds(100)...(.hours(24 * 31)))),
                .live
            ),
            .value("grace", \.graceNanoseconds, .duration(0...(.hours(1))), .live),
            .value("most", \.most, .either("auto", or: .count(0...1_000_000)), .live),
            .value("per_slot", \.perSlot, .count(1...10_000), .live),
        ]
    }
}
