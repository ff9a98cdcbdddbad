import Foundation

/// A worker that speaks WebSocket: a Python program with PyPI's `websockets`, which knows nothing of Sluice.
struct WebSocketWorker {
    let process: RunningProcess
    let port: UInt16

    static func start(_ scene: Scene) throws -> WebSocketWorker {
        let process = try scene.launch(try ForeignPython.find(), [WebSocketClient.script, "serve"])
        let port = try Patience.value(of: "the worker to listen: \(process.errors.suffix(300))") { () -> UInt16? in
            if let end = process.endIfEnded { throw Disappointment("the worker ended: \(end) \(process.errors)") }
            let line = process.output.split(separator: "\n").first { $0.hasPrefix("listening ") }
            return line.flatMap { UInt16($0.dropFirst("listening ".count)) }
        }
        return WebSocketWorker(process: process, port: port)
    }

    /// A pool of just this worker.
    func keys(tunnels: String = "{}") -> [String: String] {
        [
            "driver": "static", "worker": "{slots: 1}", "workers": "[127.0.0.1:\(self.port)]", "tunnels": tunnels,
        ]
    }

    /// How its connections to that path have ended, as codes of WebSocket.
    func ends(of path: String) -> [String] {
        self.process.output.split(separator: "\n").filter { $0.hasPrefix("ends \(path) ") }
            .compactMap { $0.split(separator: " ").last.map(String.init) }
    }

    func waitForEnd(of path: String) throws -> String {
        try Patience.value(of: "the end of \(path) at the worker; it says \(self.process.output.suffix(300))") {
            self.ends(of: path).first
        }
    }
}

/// A client of the same kind.
struct WebSocketClient {
    let scene: Scene
    let port: UInt16

    static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("tunnels.py").path

    private func words(_ task: String, _ path: String, _ visitor: Visitor?, _ options: [String]) -> [String] {
        let cookies = visitor?.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        return [Self.script, "talk", "ws://127.0.0.1:\(self.port)\(path)", task]
            + (cookies.map { ["--cookie", $0] } ?? []) + options
    }

    /// Does one task to its end, with the cookies of `visitor`; what it says last.
    func talk(_ task: String, _ path: String, as visitor: Visitor? = nil, _ options: [String] = []) throws -> String {
        let run = try self.scene.run(try ForeignPython.find(), self.words(task, path, visitor, options))
        guard run.end == .exited(0) else { throw Disappointment("\(task) of \(path): \(run.end) \(run.errors)") }
        return Self.last(run.output)
    }

    /// Opens a tunnel that is silent, and stays until the other side ends it.
    func stay(_ path: String, as visitor: Visitor? = nil) throws -> RunningProcess {
        let process = try self.scene.launch(try ForeignPython.find(), self.words("stay", path, visitor, []))
        try Patience.wait(for: "the tunnel; it says \(process.output.suffix(200)) \(process.errors.suffix(300))") {
            if let end = process.endIfEnded { throw Disappointment("\(end): \(process.output) \(process.errors)") }
            return process.output.split(separator: "\n").contains("open")
        }
        return process
    }

    /// What one that stayed says of its end.
    static func end(of process: RunningProcess) throws -> String {
        guard try process.waitForEnd() == .exited(0) else { throw Disappointment("\(process.errors)") }
        return Self.last(process.output)
    }

    private static func last(_ output: String) -> String { output.split(separator: "\n").last.map(String.init) ?? "" }
}

extension SluiceProcess {
    /// Tunnels that ended so.
    func endedTunnels(_ reason: String) throws -> Int {
        Int(try self.metric("sluice_tunnels_ended_total{reason=\"\(reason)\"}"))
    }

    /// Nothing of any tunnel is left: no connection, no place among those that there may be.
    func waitUntilNoTunnel() throws {
        try Patience.wait(for: "all tunnels to be over") {
            let metrics = try self.metrics()
            return metrics["sluice_tunnels_open"] == 0 && metrics["sluice_pool_tunnels{pool=\"workers\"}"] == 0
                && metrics["sluice_pool_in_flight{pool=\"workers\"}"] == 0
        }
    }
}
