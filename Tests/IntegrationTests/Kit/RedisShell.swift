/// A redis-server of a test, asked by `redis-cli`.
struct RedisShell {
    let scene: Scene
    let socket: String

    /// The lines of the answer to one command.
    @discardableResult
    func callAsFunction(_ words: String...) throws -> [String] { try self.run(words) }

    func run(_ words: [String]) throws -> [String] {
        let result = try self.scene.run("redis-cli", ["-s", self.socket, "--raw"] + words)
        guard result.end == .exited(0) else { throw Disappointment("redis-cli \(words): \(result.errors)") }
        return result.output.split(whereSeparator: \.isNewline).map(String.init)
    }

    /// One number; nil when there is none.
    func number(_ words: String...) throws -> Int64? { try self.run(words).first.flatMap { Int64($0) } }

    /// A field of the record of the room `sale`.
    func field(_ name: String) throws -> Int64? { try self.number("HGET", Self.key("state"), name) }

    /// A key of the room `sale`.
    static func key(_ name: String) -> String { "sluice:{sale}:\(name)" }

    /// A figure of `INFO`.
    func info(_ section: String, _ name: String) throws -> Double? {
        for line in try self.run(["INFO", section]) where line.hasPrefix("\(name):") {
            return Double(line.dropFirst(name.count + 1).filter { !$0.isWhitespace })
        }
        return nil
    }

    /// Runs of scripts so far, by whatever name they are called.
    func scriptRuns() throws -> Int {
        var runs = 0
        for line in try self.run(["INFO", "commandstats"]) where line.hasPrefix("cmdstat_eval") {
            runs += line.firstMatch(of: /calls=(\d+)/).flatMap { Int($0.1) } ?? 0
        }
        return runs
    }

    /// Kinds of the journal's entries, oldest first.
    func journalKinds() throws -> [String] {
        let lines = try self.run(["XRANGE", Self.key("journal"), "-", "+"])
        return zip(lines, lines.dropFirst()).filter { $0.0 == "kind" }.map(\.1)
    }

    /// Returns when every gateway of the room has leased numbers that it may hand out by itself, and has heard of it.
    func waitUntilPlacesAreSetAside() throws {
        try Patience.wait(for: "numbers to be leased") {
            try self("HGET", Self.key("state"), "blocks").first?.isEmpty == false
        }
        let time = try self("TIME").compactMap { Int64($0) }
        guard time.count == 2 else { throw Disappointment("the server does not tell the time: \(time)") }
        // One tick at a time: a later one was sent when the answer to the one that leased had come.
        try Patience.wait(for: "another tick") {
            let ticks = try self("HVALS", Self.key("gateways"))
            let micros = ticks.compactMap { $0.split(separator: ":").first.flatMap { Int64($0) } }
            return !micros.isEmpty && micros.allSatisfy { $0 > time[0] * 1_000_000 + time[1] }
        }
    }

    /// How many sessions are live.
    func sessions() throws -> Int64 { try self.number("ZCARD", Self.key("sessions")) ?? 0 }
}

extension Scene {
    /// A Redis that keeps its data in memory only. `SAVE` writes a dump; started again, or told to by `DEBUG RELOAD
    /// NOSAVE`, it goes back to that: so does a replica that lags and is promoted.
    /// `wrapper` is a program with arguments that prepares something and then becomes the server.
    func startForgetfulRedis(
        socket: String,
        under wrapper: [String] = []
    ) throws -> (process: RunningProcess, shell: RedisShell) {
        let words = [
            "redis-server", "--port", "0", "--unixsocket", socket, "--dir", self.folder, "--save", "", "--appendonly",
            "no",
            "--enable-debug-command", "local", "--loglevel", "warning",
        ]
        let all = wrapper + words
        let process = try self.launch(all[0], Array(all.dropFirst()))
        let shell = RedisShell(scene: self, socket: socket)
        try Patience.wait(for: "redis-server on \(socket)") {
            (try? shell("PING")) == ["PONG"]
        }
        return (process, shell)
    }
}
