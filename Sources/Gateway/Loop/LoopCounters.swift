import HTTPWire
import Primitives
import Transport

/// What one loop counts. Plain numbers, touched on the loop only; a scrape adds the loops' copies up.
struct LoopCounters: Sendable {
    var connectionsAccepted: UInt64 = 0
    var connectionsRefused: UInt64 = 0
    /// Idle connections closed to make room for new ones.
    var connectionsEvicted: UInt64 = 0
    var connectionsOpen: Int = 0
    /// Of those accepted, the ones that came to speak HTTP/2.
    var connectionsHTTP2: UInt64 = 0
    /// Connections of HTTP/2 that were ended because the client did too much of something that costs it nothing.
    var excesses = [UInt64](repeating: 0, count: FrameMeter.Excess.allCases.count)
    /// Taken from the loop's line when a report is made.
    var handshakes = HandshakeCounts()
    var requests: UInt64 = 0
    var responses1xx2xx: UInt64 = 0
    var responses3xx: UInt64 = 0
    var responses4xx: UInt64 = 0
    var responses5xx: UInt64 = 0
    /// Errors that the gateway itself made, by cause.
    var gatewayErrors = [UInt64](repeating: 0, count: GatewayError.Cause.allCases.count)
    var requestLatency = LatencyHistogram()
    var retries: UInt64 = 0
    var tunnels = TunnelCounts()
    var accessLines: UInt64 = 0
    var accessLinesDropped: UInt64 = 0

    mutating func countResponse(status: Int) {
        switch status {
        case ..<300: self.responses1xx2xx += 1
        case ..<400: self.responses3xx += 1
        case ..<500: self.responses4xx += 1
        default: self.responses5xx += 1
        }
    }

    mutating func add(_ other: LoopCounters) {
        self.connectionsAccepted += other.connectionsAccepted
        self.connectionsRefused += other.connectionsRefused
        self.connectionsEvicted += other.connectionsEvicted
        self.connectionsOpen += other.connectionsOpen
        self.connectionsHTTP2 += other.connectionsHTTP2
        for index in self.excesses.indices { self.excesses[index] += other.excesses[index] }
        self.handshakes.add(other.handshakes)
        self.requests += other.requests
        self.responses1xx2xx += other.responses1xx2xx
        self.responses3xx += other.responses3xx
        self.responses4xx += other.responses4xx
        self.responses5xx += other.responses5xx
        for index in self.gatewayErrors.indices { self.gatewayErrors[index] += other.gatewayErrors[index] }
        self.requestLatency.merge(other.requestLatency)
        self.retries += other.retries
        self.tunnels.add(other.tunnels)
        self.accessLines += other.accessLines
        self.accessLinesDropped += other.accessLinesDropped
    }
}
