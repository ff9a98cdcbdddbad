import Addresses
import Primitives
import Testing

@Suite struct AddressRangeTests {
    private func range(_ text: String) throws -> AddressRange { try AddressRange(parsing: text) }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"), ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
        ("192.0.2.6/31", "192.0.2.7", "192.0.2.8"), ("0.0.0.0/0", "255.255.255.255", "::1"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"), ("2001:db8::/64", "2001:db8::ffff:1", "2001:db8:0:1::"),
        ("2001:db8::/65", "2001:db8::7fff:0:0:1", "2001:db8::8000:0:0:1"), ("::1", "::1", "::2"),
        ("::/0", "::1", "127.0.0.1"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"), ("::ffff:10.0.0.0/104", "10.1.2.3", "11.1.2.3"),
    ])
    func contains_edges_areTold(text: String, inside: String, outside: String) throws {
        let range = try self.range(text)
        #expect(range.contains(try #require(IPAddress(parsing: inside))))
        #expect(!range.contains(try #require(IPAddress(parsing: outside))))
    }

    @Test func unix_holdsNoAddress() throws {
        #expect(try self.range("unix") == .unix)
        #expect(!AddressRange.unix.contains(.v4(0)) && !AddressRange.unix.contains(.v6(0, 0)))
    }

    @Test(arguments: ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1", "0.0.0.0/0", "unix"])
    func description_isReadAgain(text: String) throws {
        #expect(try self.range(text).description == text)
    }

    @Test(arguments: [
        ("10.0.0.1/8", "which has bits behind its prefix: write 10.0.0.0/8"),
        ("2001:db8::1/64", "which has bits behind its prefix: write 2001:db8::/64"),
        ("10.0.0.0/33", "whose prefix is not 0 to 32 bits"), ("::/129", "whose prefix is not 0 to 128 bits"),
        ("10.0.0.0/", "whose prefix is not 0 to 32 bits"), ("10.0.0.0/08", "whose prefix is not 0 to 32 bits"),
        ("10.0.0.0/-1", "whose prefix is not 0 to 32 bits"),
        ("front.example", "which is no IP address (names are not looked up)"),
        ("", "which is no IP address (names are not looked up)"),
        ("/8", "which is no IP address (names are not looked up)"),
    ])
    func parse_somethingElse_saysWhy(text: String, reason: String) {
        #expect(throws: AddressRange.ParseError(reason: reason)) { try AddressRange(parsing: text) }
    }

    /// Two readers of one form: that of settings, and that of what a client may send.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func bytes_anyText_areReadAsTheTextIs(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let pieces = [
            ":", "::", ":", ".", "0", "1", "f", "ffff", "255", "0db8", "10", ":0", ":0:0", "1.2.3.4", "g", "\0",
        ]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...17, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let fromBytes = Array(text.utf8).withUnsafeBytes { IPAddress(parsing: $0) }
            // No address has a longer text; leading zeros within a group could make one.
            #expect(text.utf8.count > 45 || fromBytes == IPAddress(parsing: text), "\(text)")
        }
    }

    @Test(arguments: ["0.0.0.0", "255.10.0.1", "2001:db8::1", "::"])
    func append_address_isItsDescription(text: String) throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
        defer { memory.deallocate() }
        var writer = ByteWriter(memory)
        try #require(IPAddress(parsing: text)).append(to: &writer)
        #expect(String(decoding: writer.written, as: UTF8.self) == text)
    }
}
