import Foundation
import Glibc
import Testing

/// The access log of a real gateway: what its lines say, and that nobody waits for them.
@Suite(.onOwnThread) struct AccessLogTests {
    private func configuration(
        _ scene: Scene,
        _ log: String,
        room: [String: String]? = nil,
        script: @escaping RawWorker.Script = RawWorker.answering()
    ) throws -> Configuration {
        var configuration = Configuration()
        configuration.room = room
        configuration.use([try scene.startWorker(script)])
        configuration.otherKeys = ["access_log: \(log)"]
        return configuration
    }

    private func text(_ path: String) -> String {
        String(decoding: RunningProcess.bytes(path), as: UTF8.self)
    }

    /// The lines that are there, each as an object.
    private func lines(_ path: String) throws -> [[String: Any]] {
        let whole = self.text(path).split(separator: "\n")
        return try whole.map { line in
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
            guard let object = value as? [String: Any] else { throw Disappointment("no object: \(line)") }
            return object
        }
    }

    private func wait(for count: Int, in path: String) throws {
        try Patience.wait(for: "\(count) lines in \(path)") {
            self.text(path).count(where: { $0 == "\n" }) >= count
        }
    }

    @Test func json_tellsWhatBecameOfARequest() throws {
        try Scene.play { scene in
            let path = "\(scene.folder)/access.log"
            let configuration = try self.configuration(scene, "{path: access.log}")
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            let answer = try peer.request(
                "POST",
                "/a?b",
                [("User-Agent", "x\"\\y"), ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
                body: Array("hello".utf8)
            )
            try self.wait(for: 1, in: path)
            let line = try #require(self.lines(path).first)
            #expect(line["client"] as? String == "127.0.0.1" && line["host"] as? String == "localhost")
            #expect(line["method"] as? String == "POST" && line["target"] as? String == "/a?b")
            #expect(line["status"] as? Int == 200 && line["outcome"] as? String == "passed")
            #expect(line["agent"] as? String == "x\"\\y")
            #expect(line["request_bytes"] as? Int == 5 && line["response_bytes"] as? Int == 2)
            #expect(line["request_id"] as? String == answer.field("x-request-id"))
            #expect(line["trace_id"] as? String == "4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(line["parent_id"] as? String == "00f067aa0ba902b7" && line["span_id"] is String)
            #expect(line["pool"] as? String == "workers" && line["worker"] is String && line["tls"] == nil)
            let parts = ["queue_us", "worker_us", "total_us"].compactMap { line[$0] as? Int }
            #expect(parts.count == 3 && parts.allSatisfy { $0 >= 0 } && parts[0] + parts[1] <= parts[2] + 2)
            #expect(try sluice.metric("sluice_access_log_lines_total") == 1)
        }
    }

    @Test func json_tellsOfTheRoomAndOfErrors() throws {
        try Scene.play { scene in
            let path = "\(scene.folder)/access.log"
            let room = ["slots": "1", "inflow": "100/s", "burst": "1"]
            let configuration = try self.configuration(scene, "{path: access.log}", room: room)
            let sluice = try scene.start(configuration)
            let first = Visitor(port: sluice.port)
            try first.get()
            #expect(first.isIn)
            try first.get()
            try Visitor(port: sluice.port).get()
            let nonsense = try HTTPPeer(port: sluice.port)
            nonsense.peer.send("NONSENSE\r\n\r\n")
            #expect(try nonsense.readAnswer().status == 400)
            try self.wait(for: 4, in: path)
            let lines = try self.lines(path)
            #expect(lines.map { $0["outcome"] as? String } == ["let-in", "inside", "waiting", "refused"])
            #expect(lines.map { $0["room"] as? String } == ["sale", "sale", "sale", nil])
            #expect(lines[3]["error"] as? String == "bad-request" && lines[3]["method"] == nil)
            #expect(lines[2]["worker"] == nil && lines[2]["status"] as? Int == 200)
        }
    }

    @Test func clientLeaves_isTold() throws {
        try Scene.play { scene in
            let path = "\(scene.folder)/access.log"
            let configuration = try self.configuration(scene, "{path: access.log}") { connection in
                _ = try connection.readRequest()
                try connection.readToEnd()
            }
            let sluice = try scene.start(configuration)
            do {
                let peer = try HTTPPeer(port: sluice.port)
                try peer.send("GET", "/slow")
                try sluice.waitUntilInFlight(1)
                // The reset goes out when the peer is let go of.
                peer.peer.reset()
            }
            try self.wait(for: 1, in: path)
            let line = try #require(self.lines(path).first)
            #expect(line["outcome"] as? String == "left" && line["status"] == nil, "\(line)")
            #expect(line["worker"] is String, "\(line)")
        }
    }

    @Test func combined_toStandardOutput_overTLS() throws {
        try Scene.play { scene in
            var configuration = try self.configuration(scene, "{path: stdout, format: combined}")
            configuration.listeners = [("127.0.0.1:0", nil), ("127.0.0.1:0", "self_signed")]
            let sluice = try scene.start(configuration)
            let url = "https://127.0.0.1:\(sluice.ports[1])/x"
            #expect(try scene.run("curl", ["-sk", "-A", "me", url]).end == .exited(0))
            try Patience.wait(for: "the line") {
                sluice.process.output.contains("\"GET /x HTTP/2.0\" 200 2 \"-\" \"me\"\n")
            }
        }
    }

    @Test func json_tellsTheVersionOfTLS() throws {
        try Scene.play { scene in
            var configuration = try self.configuration(scene, "{path: access.log}")
            configuration.listeners = [("127.0.0.1:0", "self_signed")]
            let sluice = try scene.start(configuration)
            for version in ["1.2", "1.3"] {
                let options = ["-sk", "--tlsv\(version)", "--tls-max", version, "https://127.0.0.1:\(sluice.port)/"]
                #expect(try scene.run("curl", options).end == .exited(0))
            }
            try self.wait(for: 2, in: "\(scene.folder)/access.log")
            let lines = try self.lines("\(scene.folder)/access.log")
            #expect(lines.map { $0["tls"] as? String } == ["TLSv1.2", "TLSv1.3"])
        }
    }

    // MARK: Files that come and go

    @Test func rotation_lineOfAfterIsInTheNewFile() throws {
        try Scene.play { scene in
            let path = "\(scene.folder)/access.log"
            let sluice = try scene.start(self.configuration(scene, "{path: access.log}"))
            let peer = try HTTPPeer(port: sluice.port)
            try peer.request("GET", "/1")
            try self.wait(for: 1, in: path)
            #expect(rename(path, path + ".1") == 0)
            kill(sluice.process.pid, SIGHUP)
            try Patience.wait(for: "the new file") { access(path, F_OK) == 0 }
            try peer.request("GET", "/2")
            try self.wait(for: 1, in: path)
            #expect(try self.lines(path + ".1").map { $0["target"] as? String } == ["/1"])
            #expect(try self.lines(path).map { $0["target"] as? String } == ["/2"])
        }
    }

    @Test func reload_switchesItOffAndOn() throws {
        try Scene.play { scene in
            let path = "\(scene.folder)/access.log"
            var configuration = try self.configuration(scene, "{path: null}")
            let sluice = try scene.start(configuration)
            let peer = try HTTPPeer(port: sluice.port)
            try peer.request("GET", "/1")
            configuration.otherKeys = ["access_log: {path: access.log}"]
            try scene.write(configuration.text, to: sluice.configurationFile)
            try sluice.waitForLog("access_log.path: null ->")
            // The log may tell of it before the loop has taken the settings over.
            try Patience.wait(for: "a line") {
                try peer.request("GET", "/2")
                return self.text(path).contains("\n")
            }
            configuration.otherKeys = ["access_log: {path: access.log, sample: 0}"]
            try scene.write(configuration.text, to: sluice.configurationFile)
            try sluice.waitForLog("access_log.sample: 1 -> 0")
            try peer.request("GET", "/2")
            let before = try sluice.metric("sluice_access_log_lines_total")
            try peer.request("GET", "/3")
            #expect(try sluice.metric("sluice_access_log_lines_total") == before)
            #expect(try self.lines(path).allSatisfy { $0["target"] as? String == "/2" })
        }
    }

    /// The lines of requests that ended just before the stop.
    @Test func orderlyStop_losesNoLine() throws {
        try Scene.play { scene in
            let path = "\(scene.folder)/access.log"
            let sluice = try scene.start(self.configuration(scene, "{path: access.log}"))
            let peer = try HTTPPeer(port: sluice.port)
            for number in 1...200 { try peer.request("GET", "/\(number)") }
            #expect(try sluice.stop() == .exited(0))
            #expect(try self.lines(path).count == 200)
        }
    }

    // MARK: Disks and readers that take nothing

    @Test func fullDevice_requestsAreServedAndLinesCounted() throws {
        try Scene.play { scene in
            let sluice = try scene.start(self.configuration(scene, "{path: /dev/full}"))
            let peer = try HTTPPeer(port: sluice.port)
            let agent = [("User-Agent", String(repeating: "a", count: 250))]
            let target = "/" + String(repeating: "b", count: 1_000)
            try Patience.wait(for: "lines to be lost") {
                for _ in 0..<100 { #expect(try peer.request("GET", target, agent).status == 200) }
                return try sluice.metric("sluice_access_log_dropped_total") > 0
            }
            try sluice.waitForLog("the access log cannot be written: there is no room left on the device")
            #expect(try sluice.stop() == .exited(0))
        }
    }

    @Test func pipe_withoutReader_holdsNobodyUp() throws {
        try Scene.play { scene in
            let path = "\(scene.folder)/pipe"
            #expect(mkfifo(path, 0o600) == 0)
            let sluice = try scene.start(self.configuration(scene, "{path: pipe}"))
            try sluice.waitForLog("the access log cannot be written: nobody reads the pipe")
            #expect(try HTTPPeer(port: sluice.port).request("GET", "/1").status == 200)
            let reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            defer { close(reader) }
            var received: [UInt8] = []
            try Patience.wait(for: "the line that waited") {
                var bytes = [UInt8](repeating: 0, count: 4_096)
                let count = read(reader, &bytes, bytes.count)
                received += bytes.prefix(max(0, count))
                return received.last == 0x0A
            }
            #expect(String(decoding: received, as: UTF8.self).contains("\"target\":\"/1\""))
            try sluice.waitForLog("the access log is written again")
        }
    }

    /// It has the pipe open, and takes nothing.
    @Test func pipe_whoseReaderStandsStill_isTold_untilItGoesOn() throws {
        try Scene.play { scene in
            let path = "\(scene.folder)/pipe"
            #expect(mkfifo(path, 0o600) == 0)
            let reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            defer { close(reader) }
            let sluice = try scene.start(self.configuration(scene, "{path: pipe}"))
            let peer = try HTTPPeer(port: sluice.port)
            let target = "/" + String(repeating: "b", count: 1_000)
            // More than a pipe holds.
            for _ in 0..<100 { #expect(try peer.request("GET", target).status == 200) }
            try sluice.waitForLog("the access log stands still: its reader has taken nothing for ")
            #expect(try sluice.admin("/status").text.contains("the access log stands still"))
            var bytes = [UInt8](repeating: 0, count: 65_536)
            try Patience.wait(for: "the end of the problem") {
                _ = read(reader, &bytes, bytes.count)
                return try !sluice.admin("/status").text.contains("the access log stands still")
            }
            try sluice.waitForLog("the access log is written again")
        }
    }
}
