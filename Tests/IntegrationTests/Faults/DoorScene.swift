import TestKit

/// A room that calls visitors far ahead of its tokens, so that they stand at the door.
enum DoorScene {
    /// One token in the bucket and then one in 50 seconds; a hundred are called at once.
    static func configuration(doorTimeout: String = "60s") -> Configuration {
        var configuration = Configuration()
        configuration.room = [
            "slots": "1000", "inflow": "0.02/s", "burst": "1", "horizon": "1m", "claim_window": "10m",
        ]
        configuration.limits = ["door_timeout": doorTimeout]
        return configuration
    }

    static func start(_ scene: Scene, _ configuration: Configuration = Self.configuration()) throws -> SluiceProcess {
        try scene.start(configuration)
    }

    /// Requests that stand at the door of the room `sale`.
    static func parked(_ sluice: SluiceProcess) throws -> Int {
        Int(try sluice.metric("sluice_room_parked_at_door{room=\"sale\"}"))
    }

    /// A visitor with a place whose turn has come while the bucket is empty; not connected.
    static func calledVisitor(_ sluice: SluiceProcess) throws -> Visitor {
        // The first one takes the token.
        if try sluice.status().room?.admitted == 0 { try Visitor(port: sluice.port).get() }
        let visitor = Visitor(port: sluice.port)
        try visitor.get()
        guard let number = visitor.number, visitor.passNumber == nil else {
            throw Disappointment("the visitor was let in at once, or got no place: \(visitor.state)")
        }
        try Patience.wait(for: "number \(number) to be called: \(String(describing: try? sluice.status().room))") {
            (try sluice.status().room?.serving ?? 0) >= number
        }
        visitor.disconnect()
        return visitor
    }
}

extension Visitor {
    /// Sends `count` requests in one write on a connection of their own.
    func askFromElsewhere(_ port: UInt16, _ path: String = "/", count: Int = 1) throws -> RawPeer {
        let peer = try RawPeer(port: port)
        peer.send(String(repeating: self.requestText(path), count: count))
        return peer
    }

    /// A whole GET request with this visitor's cookies.
    func requestText(_ path: String = "/") -> String {
        let cookies = self.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        return "GET \(path) HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
            + (cookies.isEmpty ? "" : "Cookie: \(cookies)\r\n") + "\r\n"
    }
}
