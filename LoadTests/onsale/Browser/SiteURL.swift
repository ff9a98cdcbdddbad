import Addresses
import Primitives

/// An address as one types it into a browser: `https://shop.example:8443/sale?from=mail`. Fragments are dropped; a user
/// name and a password are refused, because they would end up in reports.
struct SiteURL: Equatable, Sendable, CustomStringConvertible {
    enum Scheme: String, Sendable {
        case http, https

        var usualPort: UInt16 { self == .http ? 80 : 443 }
    }

    let scheme: Scheme
    /// In lower case; an IPv6 address without its brackets.
    let host: String
    let port: UInt16
    /// Path and query; begins with a slash.
    let target: String

    init(scheme: Scheme, host: String, port: UInt16, target: String) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.target = target
    }

    /// Throws what is wrong in words for the person who typed it.
    init(parsing text: String) throws(PlayProblem) {
        // Whatever combines with a sign before it would hide it: from here on there is one byte a Character.
        let whole = Self.escaped(text)
        guard let separator = whole.firstRange(of: "://") else {
            throw PlayProblem("\"\(text)\" is no address of a site: write it as https://shop.example/")
        }
        guard let scheme = Scheme(rawValue: whole[..<separator.lowerBound].lowercased()) else {
            throw PlayProblem("\"\(text)\": \(whole[..<separator.lowerBound]) is not played; use http or https")
        }
        let rest = whole[separator.upperBound...].prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else {
            throw PlayProblem(
                "the address holds a name or a password, which would end up in the report: leave it out, and send it "
                    + "as a header of the page (section `pages` of a scenario file)"
            )
        }
        let (host, port) = try Self.split(authority, of: text)
        let path = rest[authority.endIndex...]
        self.init(
            scheme: scheme,
            host: host.lowercased(),
            port: port ?? scheme.usualPort,
            target: path.first == "/" ? String(path) : "/" + path
        )
    }

    private static func split(_ authority: Substring, of text: String) throws(PlayProblem) -> (String, UInt16?) {
        var host = authority
        var port: Substring?
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]"),
                case .v6? = IPAddress(parsing: authority[..<end].dropFirst())
            else { throw PlayProblem("\"\(text)\": what stands in brackets must be an IPv6 address") }
            host = authority[..<end].dropFirst()
            let rest = authority[authority.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else {
                throw PlayProblem("\"\(text)\": behind an IPv6 address only a port may follow, as in [::1]:8080")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        let isName = host.utf8.allSatisfy {
            ASCII.isLetter($0) || ASCII.isDigit($0) || [0x2D, 0x2E, 0x5F, 0x3A].contains($0)
        }
        guard !host.isEmpty, host.utf8.count <= 253, isName else {
            throw PlayProblem("\"\(text)\": \"\(host)\" is no host name (write international names as xn--...)")
        }
        guard let port else { return (String(host), nil) }
        guard port.utf8.allSatisfy(ASCII.isDigit), let number = UInt16(port), number > 0 else {
            throw PlayProblem("\"\(text)\": the port \"\(port)\" must be a number from 1 to 65535")
        }
        return (String(host), number)
    }

    /// What must not stand in a request line as it is.
    private static func escaped(_ target: String) -> String {
        var bytes: [UInt8] = []
        for byte in target.utf8 {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\"") {
                bytes.append(byte)
            } else {
                bytes += "%".utf8
                bytes += String(byte >> 4, radix: 16, uppercase: true).utf8
                bytes += String(byte & 15, radix: 16, uppercase: true).utf8
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// As the `Host` field has it: with the port where that is not the usual one.
    var authority: String {
        let name = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port == self.scheme.usualPort ? name : "\(name):\(self.port)"
    }

    var origin: String { "\(self.scheme.rawValue)://\(self.authority)" }
    var description: String { self.origin + self.target }
    /// The path without the query.
    var path: String { String(self.target.prefix { $0 != "?" }) }

    func isSameOrigin(as other: SiteURL) -> Bool {
        self.scheme == other.scheme && self.host == other.host && self.port == other.port
    }

    /// What a link on the page of this address leads to (RFC 3986 section 5.2); nil for what is no page: `data:`,
    /// `mailto:`, an address that makes no sense.
    func following(_ link: String) -> SiteURL? {
        let link = Self.escaped(link).prefix { $0 != "#" }
        if link.hasPrefix("//") { return try? SiteURL(parsing: "\(self.scheme.rawValue):\(link)") }
        if let colon = link.firstIndex(of: ":"), link[..<colon].utf8.allSatisfy({ ASCII.isLetter($0) || $0 == 0x2B }) {
            return try? SiteURL(parsing: String(link))
        }
        if link.isEmpty { return self }
        var target: String
        switch link.first {
        case "/": target = String(link)
        case "?": target = self.path + link
        default: target = String(self.path.prefix(through: self.path.lastIndex(of: "/")!)) + link
        }
        target = Self.withoutDots(target)
        return SiteURL(scheme: self.scheme, host: self.host, port: self.port, target: target)
    }

    /// The page of the same site with that path and query.
    func with(target: String) -> SiteURL {
        SiteURL(scheme: self.scheme, host: self.host, port: self.port, target: target)
    }

    /// Takes out `.` and `..` of a path.
    private static func withoutDots(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        var parts: [Substring] = []
        let all = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in all.enumerated() {
            let isLast = index == all.count - 1
            switch part {
            case ".": if isLast { parts.append("") }
            case "..":
                if !parts.isEmpty { parts.removeLast() }
                if isLast { parts.append("") }
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/") + target[path.endIndex...]
    }
}
