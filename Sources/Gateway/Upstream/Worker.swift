import Primitives
import Transport

/// One worker of a pool, as one loop sees it.
final class Worker {
    let id: String
    let address: SocketAddress
    /// Draining and forgotten workers finish what they have and get nothing new.
    var isReady = true
    /// Requests that it serves at once, as it was started; nil: not told.
    var slots: Int?
    /// Requests of this loop that it is serving.
    var inFlight = 0
    /// Connections of this loop to it: idle, busy and on the way.
    var connections = 0
    /// Of these, on the way.
    var connecting = 0
    /// It has been seen to keep a connection after a response. One that closes without saying so may do it just when the
    /// next request is on its way: what must not be sent twice is sent to it on fresh connections only.
    var keepsConnections = false
    private(set) var health = WorkerHealth()
    private var failuresInARow = 0
    private var ejectedUntil = Instant(nanoseconds: 0)

    private static let firstEjectionNanoseconds = 100 * Nanoseconds.perMillisecond
    private static let longestEjectionNanoseconds = 5 * Nanoseconds.perSecond

    init(id: String, address: SocketAddress) {
        self.id = id
        self.address = address
    }

    /// Passive health: a worker that does not take connections is left alone for a while, longer each time.
    func connectFailed(now: Instant) {
        self.health.missed = now
        let doublings = Int64(min(self.failuresInARow, 6))
        self.failuresInARow += 1
        let pause = min(Self.longestEjectionNanoseconds, Self.firstEjectionNanoseconds << doublings)
        self.ejectedUntil = now.advanced(byNanoseconds: pause)
    }

    func connectSucceeded(now: Instant) {
        self.failuresInARow = 0
        self.reached(now: now)
    }

    /// It has taken a connection, or answered on one.
    func reached(now: Instant) { self.health.reached = now }

    func isEjected(now: Instant) -> Bool { now < self.ejectedUntil }
}
