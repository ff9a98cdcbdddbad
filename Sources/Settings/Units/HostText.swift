import Addresses

/// The host and the path of a route.
enum HostText {
    /// The host of a route: `*` for all, or one name or IP address in small letters, without a port.
    static func parseRouteHost(_ text: String) throws(Refusal) -> String {
        if text == "*" { return text }
        guard !text.contains("*") else { throw Refusal("whose * stands beside other text: it only means all hosts") }
        if text.first == "[", text.last == "]", case .v6? = IPAddress(parsing: text.dropFirst().dropLast()) {
            return text.lowercased()
        }
        guard !text.contains(":") else { throw Refusal("which holds a colon: a route names the host without its port") }
        guard DomainName.isWellFormed(text) else { throw Refusal() }
        return text.lowercased()
    }

    /// The path of a route: whole segments from the root, without a slash at the end.
    static func parseRoutePath(_ text: String) throws(Refusal) -> String {
        guard text.first == "/" else { throw Refusal("which does not begin with a slash") }
        guard text.utf8.count <= 1024 else { throw Refusal("which is longer than 1024 bytes") }
        if text == "/" { return text }
        guard !text.contains("*") else { throw Refusal("which holds a *: leave it out, the path covers all below it") }
        guard !text.hasSuffix("/") else {
            throw Refusal("which ends with a slash: leave it out, the path covers itself and all below it")
        }
        for segment in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard !segment.isEmpty, segment != ".", segment != ".." else {
                throw Refusal("which holds an empty segment, or one of dots")
            }
            // RFC 3986 pchar, and nothing percent-encoded: the gateway compares bytes.
            guard segment.utf8.allSatisfy(self.isPathByte) else {
                throw Refusal("in which \(String(segment).quotedForMessage) holds a character that no plain path has")
            }
        }
        return text
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: Array("-._~!$&'()+,;=:@".utf8).contains(byte)
        }
    }
}
