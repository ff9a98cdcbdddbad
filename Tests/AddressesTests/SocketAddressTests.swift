import Addresses
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:80", "127.0.0.1:80"), ("localhost:8080", "127.0.0.1:8080"), ("[::1]:443", "[::1]:443"),
        ("[2001:0db8:0:0::1]:1", "[2001:db8::1]:1"), ("0.0.0.0:0", "0.0.0.0:0"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("255.255.255.255:65535", "255.255.255.255:65535"),
    ])
    func parse_address_isDescribedInItsShortestForm(text: String, description: String) throws {
        let address = try SocketAddress(parsing: text)
        #expect(address.description == description)
        #expect(try SocketAddress(parsing: address.description) == address)
    }

    @Test(arguments: [
        "", ":", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.1:80",
        "256.0.0.1:80", "::1:80", "[::1]", "[::1:80", "example.com:80", "unix:", "127.0.0.1 :80", " 127.0.0.1:80",
        "[127.0.0.1]:80", "unix:/" + String(repeating: "a", count: 107),
    ])
    func parse_somethingElse_isAnErrorThatShowsIt(text: String) {
        let error = #expect(throws: SocketAddress.ParseError.self) { try SocketAddress(parsing: text) }
        #expect(error?.description.contains("'\(text)'") == true)
    }

    @Test func parse_longestSocketPath_isTaken() throws {
        let path = "/" + String(repeating: "a", count: SocketAddress.maxUnixPathBytes - 1)
        #expect(try SocketAddress(parsing: "unix:\(path)") == .unix(path: path))
    }
}
