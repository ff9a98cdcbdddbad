import Addresses
import Testing

@testable import Pools

@Suite struct InstanceListTests {
    private func read(_ text: String, port: UInt16? = 8_080) throws -> [InstanceList.Instance] {
        try InstanceList(printed: Array(text.utf8), port: port).instances
    }

    @Test func awsText_isRead() throws {
        let text = """
            i-0abc\t10.0.0.7\trunning
            i-0abd\tNone\tpending

            i-0abe\t10.0.0.9\tshutting-down\r
            i-0abf\tNone\tterminated
            """
        #expect(
            try self.read(text) == [
                .init(id: "i-0abc", address: .ipv4(0x0A00_0007, port: 8_080), state: .running),
                .init(id: "i-0abd", address: nil, state: .starting),
                .init(id: "i-0abe", address: .ipv4(0x0A00_0009, port: 8_080), state: .leaving),
            ]
        )
        #expect(try self.read("") == [] && self.read("\n\n") == [])
    }

    @Test func addresses_ofBothFamilies_withAndWithoutPorts() throws {
        #expect(try self.read("a fd00::7 InService")[0].address == SocketAddress(parsing: "[fd00::7]:8080"))
        #expect(try self.read("a [fd00::7]:81 ok", port: nil)[0].address == SocketAddress(parsing: "[fd00::7]:81"))
        #expect(try self.read("a 10.0.0.7:81 READY", port: nil)[0].address == .ipv4(0x0A00_0007, port: 81))
    }

    @Test(arguments: [
        "<html>": "1 words", "a b": "2 words", "a b running c": "4 words", "a 10.0.0.7 splendid": "'splendid'",
        "a 10.0.0.700 running": "'10.0.0.700'", "a host.example running": "'host.example'",
        "a 10.0.0.7 running\na 10.0.0.8 running": "line 2 names a once more", "ä 10.0.0.7 running": "printable",
        "a 10.0.0.7 running\nb 10.0.0.7 pending": "line 2 names 10.0.0.7:8080 once more",
        "a unix:/run/x running": "'unix:/run/x'", "a 10.0.0.7:81 running": "'10.0.0.7:81'",
    ])
    func nonsense_isNoList(text: String, reason: String) {
        #expect { try self.read(text) } throws: { "\($0)".contains(reason) }
    }

    /// A cloud may give an address again while the one who had it shuts down.
    @Test func address_ofOneThatLeaves_mayBeAnothersAlready() throws {
        #expect(try self.read("a 10.0.0.7 shutting-down\nb 10.0.0.7 running\nc 10.0.0.7 draining").count == 3)
        #expect(try self.read("a None pending\nb None pending").count == 2)
    }

    @Test func port_thatNobodyTells_isMissed() {
        #expect { try self.read("a 10.0.0.7 running", port: nil) } throws: { "\($0)".contains("needs its own") }
        #expect(throws: InstanceList.Damage.self) { try self.read("a 10.0.0.7:0 running", port: nil) }
    }

    @Test func length_isBounded() throws {
        let lines = (0...InstanceList.maxInstances).map { "i-\($0) - running" }
        #expect(try self.read(lines.dropLast().joined(separator: "\n")).count == InstanceList.maxInstances)
        #expect(throws: InstanceList.Damage.self) { try self.read(lines.joined(separator: "\n")) }
        #expect(throws: InstanceList.Damage.self) {
            try self.read(String(repeating: "x", count: InstanceList.maxIDBytes + 1) + " - running")
        }
        #expect(throws: InstanceList.Damage.self) {
            try self.read("a - running" + String(repeating: " ", count: InstanceList.maxLineBytes))
        }
    }
}
