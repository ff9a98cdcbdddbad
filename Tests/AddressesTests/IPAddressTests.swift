import Addresses
import Glibc
import Primitives
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:0DB8:0:0::1", "2001:db8::1"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ("1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"), ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        ("::10.0.0.1", "::a00:1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ])
    func parse_address_isDescribedInItsShortestForm(text: String, description: String) throws {
        let address = try #require(IPAddress(parsing: text))
        #expect(address.description == description)
        #expect(IPAddress(parsing: description) == address)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4 ", "1.2.3.-4", "1.2.3.+4", "1.2..4", ":",
        ":::",
        "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "12345::", "g::", "fe80::1%eth0",
        "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "[::1]", "::１",
    ])
    func parse_somethingElse_isNil(text: String) { #expect(IPAddress(parsing: text) == nil) }

    /// The system reads and writes the same addresses, whatever they are.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func parse_anyText_isReadAsTheSystemReadsIt(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let pieces = [":", "::", ":", ".", "0", "1", "f", "ffff", "255", "0db8", "10", ":0", ":0:0", "1.2.3.4", "g"]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...16, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            var v4 = in_addr()
            var v6 = in6_addr()
            switch IPAddress(parsing: text) {
            case .v4(let address)?:
                #expect(inet_pton(AF_INET, text, &v4) == 1 && UInt32(bigEndian: v4.s_addr) == address, "\(text)")
            case .v6(let high, let low)?:
                #expect(inet_pton(AF_INET6, text, &v6) == 1, "\(text)")
                withUnsafeBytes(of: v6) { bytes in
                    #expect(UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)) == high, "\(text)")
                    let rest = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                    #expect(UInt64(bigEndian: rest) == low, "\(text)")
                }
            case nil: #expect(inet_pton(AF_INET, text, &v4) != 1 && inet_pton(AF_INET6, text, &v6) != 1, "\(text)")
            }
        }
    }

    @Test(arguments: [4, 5] as [UInt64])
    func description_anyAddress_isReadBack(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<5_000 {
            // Zero groups are what the short form is about.
            let half = {
                (0..<4).reduce(UInt64(0)) { sum, _ in
                    sum << 16 | (Bool.random(using: &random) ? 0 : UInt64.random(in: 0...0xFFFF, using: &random))
                }
            }
            let address = IPAddress.v6(half(), half())
            #expect(IPAddress(parsing: address.description) == address, "\(address)")
        }
    }
}
