import Foundation
import HTTPWire
import Primitives
import Settings
import Testing

@testable import Gateway

/// Lines of the access log: one for each request, whatever strangers write into it.
@Suite struct AccessLineTests {
    private func written(_ body: (inout ByteWriter) -> Void) -> String {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * 1_024, alignment: 8)
        defer { memory.deallocate() }
        var writer = ByteWriter(memory)
        body(&writer)
        #expect(!writer.overflowed)
        return String(decoding: writer.written, as: UTF8.self)
    }

    private func line(
        _ head: [UInt8],
        _ format: AccessLogSettings.Format,
        _ change: (inout AccessLine) -> Void = { _ in }
    ) throws -> String {
        var parser = RequestParser()
        var request = RequestHead()
        var note = AccessNote()
        let text = try head.withUnsafeBytes { bytes in
            try #require(parser.parse(bytes, into: &request) == .complete)
            var second = 0
            let text = self.written { second = AccessNote.write(request, in: bytes, as: format, to: &$0) }
            note.secondPart = second
            return text
        }
        note.text = Array(text.utf8)
        note.startedMicros = 1_795_716_000_123_456
        note.responseBytes = 7
        var line = AccessLine(
            note: note,
            client: .v4(0xC000_0201),
            status: 200,
            room: "sale",
            pool: "web",
            queueMicros: 5,
            workerMicros: 6,
            totalMicros: 11
        )
        change(&line)
        return self.written { line.write(RequestTrail(), as: format, to: &$0) }
    }

    private func members(_ line: String) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
        return try #require(value as? [String: Any])
    }

    private static let plain = Array(
        "GET /a?b HTTP/1.1\r\nHost: shop:80\r\nReferer: http://x/\r\nUser-Agent: curl/8\r\n\r\n".utf8
    )

    @Test func json_tellsAll() throws {
        let line = try self.line(Self.plain, .json)
        #expect(line.hasSuffix("}\n") && line.count(where: { $0 == "\n" }) == 1)
        let members = try self.members(line)
        #expect(members["time"] as? String == "2026-11-26T18:00:00.123Z")
        #expect(members["client"] as? String == "192.0.2.1" && members["host"] as? String == "shop:80")
        #expect(members["method"] as? String == "GET" && members["target"] as? String == "/a?b")
        #expect(members["version"] as? String == "HTTP/1.1" && members["status"] as? Int == 200)
        #expect(members["referer"] as? String == "http://x/" && members["agent"] as? String == "curl/8")
        #expect(members["room"] as? String == "sale" && members["pool"] as? String == "web")
        #expect(members["queue_us"] as? Int == 5 && members["worker_us"] as? Int == 6)
        #expect(members["total_us"] as? Int == 11 && members["response_bytes"] as? Int == 7)
        #expect(members["outcome"] as? String == "passed" && members["error"] == nil)
    }

    @Test func json_outcomes_haveTheirWords() throws {
        func outcome(_ change: (inout AccessLine) -> Void) throws -> [String?] {
            let members = try self.members(self.line(Self.plain, .json, change))
            return [members["outcome"] as? String, members["error"] as? String]
        }
        #expect(try outcome { $0.isInside = true } == ["inside", nil])
        #expect(try outcome { ($0.isInside, $0.isNewcomer) = (true, true) } == ["let-in", nil])
        #expect(try outcome { $0.note.outcome = .waiting } == ["waiting", nil])
        #expect(try outcome { $0.note.outcome = .redirected } == ["redirected", nil])
        #expect(try outcome { $0.note.outcome = .refused(.queueFull) } == ["refused", "queue-full"])
        #expect(try outcome { $0.note.outcome = .brokenOff(.connectionLost) } == ["broken-off", "connection-lost"])
        let left = try self.members(
            self.line(Self.plain, .json) {
                $0.note.outcome = .left
                $0.status = 0
                $0.client = nil
            }
        )
        #expect(left["outcome"] as? String == "left" && left["status"] == nil && left["client"] as? String == "unix")
    }

    @Test func json_tunnel_saysWhatEndedIt() throws {
        let line = try self.line(Self.plain, .json) { ($0.status, $0.note.tunnelEnd) = (101, .clientLost) }
        let members = try self.members(line)
        #expect(members["status"] as? Int == 101 && members["tunnel_end"] as? String == "client-lost")
        let other = try self.members(self.line(Self.plain, .json))
        #expect(other["tunnel_end"] == nil)
    }

    @Test func combined_isAsWebServersWriteIt() throws {
        #expect(
            try self.line(Self.plain, .combined)
                == "192.0.2.1 - - [26/Nov/2026:18:00:00 +0000] \"GET /a?b HTTP/1.1\" 200 7 \"http://x/\" \"curl/8\"\n"
        )
        let bare = Array("GET / HTTP/1.0\r\n\r\n".utf8)
        #expect(
            try self.line(bare, .combined) { $0.status = 0 }
                == "192.0.2.1 - - [26/Nov/2026:18:00:00 +0000] \"GET / HTTP/1.0\" 499 7 \"-\" \"-\"\n"
        )
    }

    /// Whatever a head can carry: one line, and one JSON object that says it again.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func hostileBytes_neverLeaveTheirPlace(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let allowed = [0x09] + Array(0x20...0x7E as ClosedRange<UInt8>) + Array(0x80...0xFF as ClosedRange<UInt8>)
        for _ in 0..<300 {
            let count = Int.random(in: 1...400, using: &random)
            let marks: [UInt8] = [0x22, 0x5C, 0xFF, 0x09, 0x7B]
            let agent =
                [0x61]
                + (0..<count).map { _ in
                    (Bool.random(using: &random) ? marks : allowed).randomElement(using: &random) ?? 0x61
                } + [0x61]
            let head = Array("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: ".utf8) + agent + Array("\r\n\r\n".utf8)
            let json = try self.line(head, .json)
            #expect(json.utf8.allSatisfy { $0 == 0x0A || (0x20...0x7E).contains($0) })
            #expect(json.count(where: { $0 == "\n" }) == 1)
            let told = try #require(self.members(json)["agent"] as? String)
            // Each byte is one character there.
            #expect(told.unicodeScalars.map { UInt8($0.value) } == Array(agent.prefix(AccessNote.mostTextBytes)))
            let combined = try self.line(head, .combined)
            #expect(combined.utf8.allSatisfy { $0 == 0x0A || (0x20...0x7E).contains($0) })
            #expect(combined.count(where: { $0 == "\n" }) == 1)
            #expect(combined.replacing("\\\\", with: "").replacing("\\\"", with: "").count(where: { $0 == "\"" }) == 6)
        }
    }

    /// The longest of everything, with every byte escaped, fits into the memory for one line.
    @Test func longestHead_fits() throws {
        let text = String(repeating: "\u{FF}", count: 1_000)
        let target = "/" + String(repeating: "%22", count: 2_000)
        let head =
            "GET \(target) HTTP/1.1\r\nHost: \(String(repeating: "h", count: 2_000))\r\nReferer: \(text)\r\n"
            + "User-Agent: \(text)\r\n\r\n"
        #expect(try self.line(Array(head.utf8), .json).utf8.count < 8_000)
    }

    @Test func time_edges_areWrittenRight() {
        #expect(self.written { AccessTime(micros: 0).appendRFC3339(to: &$0) } == "1970-01-01T00:00:00.000Z")
        #expect(self.written { AccessTime(micros: -5).appendCommon(to: &$0) } == "01/Jan/1970:00:00:00 +0000")
        let leap = self.written { AccessTime(micros: 1_709_251_199_999_999).appendRFC3339(to: &$0) }
        #expect(leap == "2024-02-29T23:59:59.999Z")
    }
}
