import Admission
import EventLoop
import HTTPWire
import Logging
import Primitives
import Settings
import SharedState
import Tokens
import Transport

/// Everything of the gateway that belongs to one loop. Loops share nothing; what one has to know of another travels as
/// a message.
final class Edge {
    let loop: EventLoop
    let loopCount: Int
    let store: any RoomStore
    let log: Logger
    private(set) var signer: TokenSigner
    private(set) var limits: LimitSettings
    private(set) var routes = RouteTable([])
    private(set) var gates: [String: RoomGate] = [:]
    private(set) var pools: [String: WorkerPool] = [:]
    private let marks: RoomMarks
    var metrics = EdgeMetrics()
    var random: SplitMix64
    private(set) var isDraining = false

    /// The request and the response that are being read right now: parsing is done before the call returns.
    var requestHead = RequestHead(limits: Edge.widestLimits)
    var responseHead = ResponseHead(limits: Edge.widestLimits)
    private static let widestLimits = HeadLimits(maxHeadBytes: 32 * 1_024, maxTargetBytes: 16 * 1_024, maxFields: 1_000)
    let responseLimits = HeadLimits(maxHeadBytes: 32 * 1_024, maxTargetBytes: 16 * 1_024, maxFields: 200)

    private var dateSecond: Int64 = -1
    private var date = [UInt8](repeating: 0, count: HTTPDate.byteCount)
    private var listeners: [Listener] = []
    private var sessions = SessionList()
    private var connectionLimit: Int
    private var onDrained: (() -> Void)?

    init(
        loop: EventLoop,
        loopCount: Int,
        store: any RoomStore,
        marks: RoomMarks,
        settings: Settings,
        keys: [SigningKey],
        connectionLimit: Int,
        seed: UInt64,
        log: Logger
    ) {
        self.loop = loop
        self.loopCount = loopCount
        self.store = store
        self.marks = marks
        self.signer = TokenSigner(keys: keys)
        self.limits = settings.limits
        self.connectionLimit = connectionLimit
        self.random = SplitMix64(seed: seed)
        self.log = log
        self.apply(settings, keys: keys, connectionLimit: connectionLimit)
    }

    // MARK: Settings

    /// Takes new settings over between two requests: rooms and pools that stay keep their state, and requests under
    /// way keep what they began with.
    func apply(_ settings: Settings, keys: [SigningKey], connectionLimit: Int) {
        self.limits = settings.limits
        self.connectionLimit = connectionLimit
        self.signer = TokenSigner(keys: keys)
        var pools: [String: WorkerPool] = [:]
        for pool in settings.pools {
            let kept = self.pools[pool.name]
            kept?.apply(pool)
            pools[pool.name] = kept ?? WorkerPool(settings: pool, edge: self)
        }
        for (name, pool) in self.pools where pools[name] == nil {
            pool.dissolve()
        }
        var gates: [String: RoomGate] = [:]
        for room in settings.rooms {
            let kept = self.gates[room.name]
            kept?.apply(room)
            gates[room.name] = kept ?? RoomGate(settings: room, marks: self.marks, edge: self)
        }
        let dissolved = self.gates.filter { gates[$0.key] == nil }.values
        self.pools = pools
        self.gates = gates
        self.routes = RouteTable(
            settings.routes.compactMap { route in
                guard let pool = pools[route.pool] else { return nil }
                return Route(host: route.host, path: route.path, gate: route.room.flatMap { gates[$0] }, pool: pool)
            }
        )
        for gate in dissolved { gate.dissolve() }
    }

    var requestLimits: HeadLimits {
        HeadLimits(
            maxHeadBytes: self.limits.headBytes,
            maxTargetBytes: self.limits.targetBytes,
            maxFields: self.limits.fields
        )
    }

    // MARK: Connections

    func listen(on address: SocketAddress, tls: TLSContext?) throws -> SocketAddress {
        let listener = try Listener(loop: self.loop, address: address, tls: tls) { [unowned self] connection in
            self.accept(connection)
        }
        self.listeners.append(listener)
        return listener.boundAddress
    }

    private func accept(_ connection: any ByteStream) -> (any StreamHandler)? {
        guard !self.isDraining, self.sessions.count < self.connectionLimit || self.evictIdleSession() else {
            self.metrics.connectionsRefused += 1
            return nil
        }
        self.metrics.connectionsAccepted += 1
        self.metrics.connectionsOpen += 1
        let session = ClientSession(edge: self, connection: connection)
        self.sessions.insert(session)
        return session
    }

    /// The house is full: whoever has been idle for longest, of a few looked at, makes room for a visitor who has
    /// something to ask. False when none of them is idle.
    private func evictIdleSession() -> Bool {
        guard let idlest = self.sessions.idlest(random: &self.random) else { return false }
        self.metrics.connectionsEvicted += 1
        idlest.connection.close()
        return true
    }

    func connectionClosed(_ session: ClientSession) {
        self.metrics.connectionsOpen -= 1
        self.sessions.remove(session)
        if self.isDraining, self.sessions.isEmpty { self.finishDraining() }
    }

    /// Takes no more connections, lets requests under way end, and then calls `completion`.
    func drain(_ completion: @escaping () -> Void) {
        self.isDraining = true
        self.onDrained = completion
        for listener in self.listeners { listener.close() }
        for session in self.sessions.all { session.drain() }
        if self.sessions.isEmpty { self.finishDraining() }
    }

    private func finishDraining() {
        for pool in self.pools.values { pool.closeAll() }
        self.onDrained?()
        self.onDrained = nil
    }

    // MARK: Heads

    func appendDate(to writer: inout ByteWriter) {
        let second = self.loop.wallMicros / 1_000_000
        if second != self.dateSecond {
            self.dateSecond = second
            self.date.withUnsafeMutableBytes { bytes in
                var fresh = ByteWriter(bytes)
                HTTPDate.append(unixSeconds: second, to: &fresh)
            }
        }
        writer.append(self.date)
    }

    func appendConnection(staysOpen: Bool, minorVersion: UInt8, to writer: inout ByteWriter) {
        if !staysOpen {
            writer.append("Connection: close\r\n")
        } else if minorVersion == 0 {
            writer.append("Connection: keep-alive\r\n")
        }
    }

    private static let replacedRequestFields: FieldSet = [
        .expect, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort, .xRealIP, .forwarded,
    ]
    private static let ownCookies = CookiePrefix("sluice-")

    /// The request as the worker sees it: without hop-by-hop fields and the room's cookies, with whom it is for.
    func writeForwardedHead(_ bytes: UnsafeRawBufferPointer, for session: ClientSession, to writer: inout ByteWriter) {
        self.requestHead.writeForwarded(
            to: &writer,
            from: bytes,
            dropping: Self.replacedRequestFields,
            droppingCookies: Self.ownCookies
        )
        writer.appendFraming(self.requestHead.framing)
        if self.requestHead.hostRange == nil { writer.append("host: localhost\r\n") }
        writer.append(session.forwarded)
        writer.append("\r\n")
    }

    /// The worker's answer as the client sees it.
    func writeResponseHead(_ bytes: UnsafeRawBufferPointer, for session: ClientSession, to writer: inout ByteWriter) {
        let isOldClient = session.request.minorVersion == 0
        let framing = self.responseHead.framing
        if framing == .untilClose || (isOldClient && framing == .chunked) { session.request.endsWithConnection = true }
        self.responseHead.writeForwarded(to: &writer, from: bytes)
        if !isOldClient || framing != .chunked { writer.appendFraming(framing) }
        if let (gate, number) = session.request.session {
            writer.append("Sluice-State: admitted\r\n")
            if self.responseHead.names.contains(.sluiceSession), self.asksForRelease(bytes) {
                gate.release(number)
                self.appendClearedCookies(gate, session, to: &writer)
            } else {
                self.appendCookies(for: session, to: &writer)
            }
        }
        // What is said here holds, also when the rest of the request comes before the end of the answer.
        if !session.staysOpen { session.request.endsWithConnection = true }
        self.appendConnection(
            staysOpen: !session.request.endsWithConnection,
            minorVersion: session.request.minorVersion,
            to: &writer
        )
        writer.append("\r\n")
    }

    /// `Sluice-Session: release`: the origin says that the visitor is done.
    private func asksForRelease(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let value = self.responseHead.firstValue(of: .sluiceSession) else { return false }
        return ASCII.equalsIgnoringCase(value.slice(of: bytes), "release")
    }

    func appendCookies(for session: ClientSession, to writer: inout ByteWriter) {
        if let place = session.request.newPlace { self.append(place, for: session, to: &writer) }
        if let pass = session.request.newPass { self.append(pass, for: session, to: &writer) }
    }

    private func append(_ token: AdmissionToken, for session: ClientSession, to writer: inout ByteWriter) {
        guard let gate = self.gates.values.first(where: { $0.roomID == token.room }) else { return }
        let isSecure = session.connection.isSecure
        let names = isSecure ? gate.cookies.secure : gate.cookies.plain
        writer.append("Set-Cookie: ")
        writer.append(token.kind == .place ? names.place : names.pass)
        writer.append("=")
        self.signer.append(token, to: &writer)
        writer.append("; Path=/; Max-Age=")
        let now = self.loop.wallMicros / 1_000_000
        writer.append(decimal: max(1, Int(Int64(token.expiresSeconds) - now)))
        writer.append(isSecure ? "; HttpOnly; SameSite=Lax; Secure\r\n" : "; HttpOnly; SameSite=Lax\r\n")
    }

    private func appendClearedCookies(_ gate: RoomGate, _ session: ClientSession, to writer: inout ByteWriter) {
        let isSecure = session.connection.isSecure
        let names = isSecure ? gate.cookies.secure : gate.cookies.plain
        for name in [names.place, names.pass] {
            writer.append("Set-Cookie: ")
            writer.append(name)
            writer.append("=; Path=/; Max-Age=0")
            writer.append(isSecure ? "; HttpOnly; SameSite=Lax; Secure\r\n" : "; HttpOnly; SameSite=Lax\r\n")
        }
    }

    /// An error of the gateway's own making, which ends the connection.
    ///
    /// A place or a pass that the room has just given goes with it: the visitor must not pay for a worker's failure.
    func write(_ error: GatewayError, for session: ClientSession, to writer: inout ByteWriter) {
        writer.appendStatusLine(UInt16(error.status))
        writer.append("Date: ")
        self.appendDate(to: &writer)
        writer.append("\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nSluice-Error: ")
        writer.append(error.side.rawValue)
        writer.append("; ")
        writer.append(error.cause.rawValue)
        if let seconds = error.retryAfterSeconds {
            writer.append("\r\nRetry-After: ")
            writer.append(decimal: seconds)
        }
        writer.append("\r\nContent-Length: ")
        writer.append(decimal: error.message.utf8.count + 1)
        writer.append("\r\n")
        self.appendCookies(for: session, to: &writer)
        writer.append("Connection: close\r\n\r\n")
        guard session.request.method != .head else { return }
        writer.append(error.message)
        writer.append("\n")
    }
}
