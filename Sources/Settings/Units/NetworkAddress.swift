/// Where something listens or is reached: `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/sluice.sock`.
///
/// `description` is exactly that text, which is also what the transport reads. Only the address of a Redis server may
/// hold a host name; whoever connects looks it up.
public enum NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// `host` is without brackets: an IPv4 or IPv6 address, or a name where names are allowed.
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    /// What fits into the kernel's `sockaddr_un`, without the closing zero.
    static let maxUnixPathBytes = 107

    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Port 0 asks the system for a free port, which only a listener can do.
    init(parsing text: String, allowsPortZero: Bool) throws(Refusal) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard !path.isEmpty else { throw Refusal("which names no path behind unix:") }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") else { throw Refusal("which has no port") }
        let port = try Self.port(text[text.index(after: colon)...], allowsZero: allowsPortZero)
        let host = text[..<colon]
        if host.first == "[", host.last == "]" {
            let inner = host.dropFirst().dropLast()
            guard IPText.isIPv6(inner) else { throw Refusal("whose brackets hold no IPv6 address") }
            self = .tcp(host: String(inner), port: port)
        } else {
            guard !IPText.isIPv6(host) else { throw Refusal("whose IPv6 address needs brackets, as in [::1]:8080") }
            guard IPText.isIPv4(host) else {
                throw Refusal("whose host is not an IP address (names are not looked up)")
            }
            self = .tcp(host: String(host), port: port)
        }
    }

    static func port(_ text: Substring, allowsZero: Bool) throws(Refusal) -> UInt16 {
        guard !text.isEmpty, text.allSatisfy(\.isASCIIDigit), let port = UInt16(text) else {
            throw Refusal("whose port is not a number from 0 to 65535")
        }
        guard port != 0 || allowsZero else { throw Refusal("whose port is 0: only a listener can pick a free one") }
        return port
    }

    /// A unix path that does not begin at the root is meant from `folder`.
    func resolved(in folder: String) -> NetworkAddress {
        guard case .unix(let path) = self else { return self }
        return .unix(path: path.resolved(in: folder))
    }
}

extension String {
    func resolved(in folder: String) -> String {
        guard self.first != "/", !folder.isEmpty else { return self }
        return folder.hasSuffix("/") ? folder + self : "\(folder)/\(self)"
    }
}

/// The textual forms of IP addresses (RFC 4291, section 2.2), told apart without a system call.
enum IPText {
    static func isIPv4(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                // A leading zero is octal to some readers: 010 would be 8 or 10.
                part.allSatisfy(\.isASCIIDigit) && UInt8(part) != nil && (part == "0" || part.first != "0")
            }
    }

    /// Without a zone (`%eth0`).
    static func isIPv6(_ text: Substring) -> Bool {
        var halves: [Substring] = [text]
        if let gap = self.range(ofDoubleColonIn: text) {
            halves = [text[..<gap.lowerBound], text[gap.upperBound...]]
        }
        var groups = 0
        for (index, half) in halves.enumerated() where !half.isEmpty {
            let parts = half.split(separator: ":", omittingEmptySubsequences: false)
            for (position, part) in parts.enumerated() {
                let isLast = index == halves.count - 1 && position == parts.count - 1
                if isLast, part.contains(".") {
                    guard self.isIPv4(part) else { return false }
                    groups += 2
                } else {
                    guard (1...4).contains(part.utf8.count), part.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
                        return false
                    }
                    groups += 1
                }
            }
        }
        return halves.count == 2 ? groups <= 7 : groups == 8
    }

    private static func range(ofDoubleColonIn text: Substring) -> Range<Substring.Index>? {
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.index(after: index)
            if next < text.endIndex, text[index] == ":", text[next] == ":" { return index..<text.index(after: next) }
            index = next
        }
        return nil
    }
}
