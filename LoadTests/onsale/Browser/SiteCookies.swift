import Primitives

/// The cookies of one visitor for one site, with their paths. Limits, as browsers have them: `mostCookies`, the oldest
/// go first, and `mostBytes` a pair. One host, so domains are not looked at, and neither is `Secure`: a run has one
/// scheme.
struct SiteCookies: Equatable, Sendable {
    static let mostCookies = 50
    static let mostBytes = 4096

    private struct Cookie: Equatable, Sendable {
        var name: Substring
        var value: Substring
        var path: Substring
    }

    private var cookies: [Cookie] = []

    /// - Parameter target: path and query of the page that came with it.
    mutating func take(setCookie field: String, from target: String) {
        let parts = field.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        guard let pair = parts.first, let equals = pair.firstIndex(of: "="), equals > pair.startIndex,
            pair.utf8.count <= Self.mostBytes
        else { return }
        var cookie = Cookie(
            name: pair[..<equals],
            value: pair[pair.index(after: equals)...],
            path: Self.folder(of: target)
        )
        var maxAgeEnds: Bool?
        var expires = false
        for part in parts.dropFirst() {
            let name = part.prefix { $0 != "=" }.lowercased()
            let value = Self.trimmed(part.dropFirst(name.count + 1))
            switch name {
            case "path" where value.first == "/": cookie.path = value
            // What is no number is passed over (RFC 6265 section 5.2.2).
            case "max-age":
                let digits = value.first == "-" ? value.dropFirst() : value
                guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { continue }
                maxAgeEnds = value.first == "-" || digits.allSatisfy { $0 == "0" }
            // The year in which cookies are taken back.
            case "expires": expires = value.contains(" 1970") || value.contains("-1970") || value.contains("-70 ")
            default: break
            }
        }
        self.cookies.removeAll { $0.name == cookie.name && $0.path == cookie.path }
        // Of both attributes `Max-Age` counts (RFC 6265 section 5.3).
        guard !(maxAgeEnds ?? expires) else { return }
        if self.cookies.count == Self.mostCookies { self.cookies.removeFirst() }
        self.cookies.append(cookie)
    }

    /// The `Cookie` field of a request to that path and query; nil when there is none.
    func header(for target: String) -> String? {
        let path = target.prefix { $0 != "?" }
        let fitting = self.cookies.filter { cookie in
            path == cookie.path
                || path.hasPrefix(cookie.path)
                    && (cookie.path.hasSuffix("/") || path.dropFirst(cookie.path.count).first == "/")
        }
        guard !fitting.isEmpty else { return nil }
        // Longer paths first (RFC 6265 section 5.4).
        return fitting.enumerated().sorted { ($1.element.path.count, $0.offset) < ($0.element.path.count, $1.offset) }
            .map { "\($0.element.name)=\($0.element.value)" }.joined(separator: "; ")
    }

    func value(of name: String) -> String? { self.cookies.last { $0.name == name }.map { String($0.value) } }

    /// Values of all cookies whose names hold that text.
    func values(containing text: String) -> [String] {
        self.cookies.filter { $0.name.contains(text) }.map { String($0.value) }
    }

    private static func folder(of target: String) -> Substring {
        let path = target.prefix { $0 != "?" }
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
        return path[..<slash]
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}

/// A jar of cookies that several browsers may look into. Lives on the crowd's loop.
final class CookieBox {
    var cookies = SiteCookies()
}
