import TestKit

/// What the tests of the room's contract have in common: gateways on a Redis of the test's own, with a worker that is
/// always there.
enum Contract {
    /// Every gateway honours the others' cookies, those of its own past among them.
    static let secret = String(repeating: "k", count: 40)

    static let admissions = "sluice_room_visitors_total{room=\"sale\",event=\"admitted\"}"

    /// Answers everything; who asks for `/leave` is done.
    private static let worker: RawWorker.Script = { connection in
        while let request = try connection.readRequest() {
            let field = request.hasPrefix("GET /leave ") ? "Sluice-Session: release\r\n" : ""
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\(field)\r\nok")
        }
    }

    static func configuration(_ scene: Scene, socket: String, room: [String: String]) throws -> Configuration {
        var configuration = Configuration()
        configuration.redis = "unix:\(socket)"
        configuration.room = room
        configuration.signingKeys = [(1, self.secret)]
        configuration.limits = ["door_timeout": "300ms"]
        configuration.use([try scene.startWorker(self.worker)])
        return configuration
    }

    /// Starts a gateway, and returns when it knows its room.
    static func start(
        _ scene: Scene,
        _ configuration: Configuration,
        name: String = "sluice",
        command: String = "run"
    ) throws -> SluiceProcess {
        let sluice = try scene.start(configuration, command: command, name: name)
        try Patience.wait(for: "\(name) to know its room") { try sluice.status().room?.issued != nil }
        return sluice
    }
}
