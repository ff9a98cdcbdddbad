import Addresses
import Primitives

/// The cookies of one visitor for one site, kept and shown as browsers do it (RFC 6265, and its revision for prefixes and
/// `Secure`). Limits: `mostCookies`, the oldest go first, `mostBytes` a pair, and `longestSeconds`.
///
/// Fields are split by bytes: a mark that combines with the `;` or `=` before it makes one Character of both.
struct SiteCookies: Equatable, Sendable {
    static let mostCookies = 50
    static let mostBytes = 4096
    /// No cookie is kept for longer: 400 days.
    static let longestSeconds: Int64 = 400 * 86_400

    private struct Cookie: Equatable, Sendable {
        var name: String
        var value: String
        var path: [UInt8]
        /// nil: for the host alone that sent it.
        var domain: String?
        /// Since 1970; nil: until the visit ends.
        var expiresSeconds: Int64?

        func replaces(_ other: Cookie) -> Bool {
            self.name.utf8.elementsEqual(other.name.utf8) && self.path == other.path && self.domain == other.domain
        }
    }

    /// In the order in which they were made.
    private var cookies: [Cookie] = []

    /// - Parameters:
    ///   - url: of the page that came with it.
    ///   - nowSeconds: since 1970.
    mutating func take(setCookie field: String, from url: SiteURL, nowSeconds: Int64) {
        guard let cookie = Self.read(Array(field.utf8), from: url, nowSeconds: nowSeconds) else { return }
        self.forgetExpired(nowSeconds)
        let former = self.cookies.firstIndex(where: cookie.replaces)
        guard cookie.expiresSeconds.map({ $0 > nowSeconds }) ?? true else {
            if let former { self.cookies.remove(at: former) }
            return
        }
        // It keeps its age, which decides the order among equal paths.
        if let former { return self.cookies[former] = cookie }
        if self.cookies.count == Self.mostCookies { self.cookies.removeFirst() }
        self.cookies.append(cookie)
    }

    /// The `Cookie` field of a request to that path and query; nil when there is none.
    mutating func header(for target: String, nowSeconds: Int64) -> String? {
        self.forgetExpired(nowSeconds)
        let path = Array(target.utf8.prefix { $0 != UInt8(ascii: "?") })
        let fitting = self.cookies.filter { cookie in
            guard path.starts(with: cookie.path) else { return false }
            return path.count == cookie.path.count || cookie.path.last == Self.slash
                || path[cookie.path.count] == Self.slash
        }
        guard !fitting.isEmpty else { return nil }
        // Longer paths first (RFC 6265 section 5.4).
        return fitting.enumerated().sorted { ($1.element.path.count, $0.offset) < ($0.element.path.count, $1.offset) }
            .map { "\($0.element.name)=\($0.element.value)" }.joined(separator: "; ")
    }

    func value(of name: String) -> String? { self.cookies.last { $0.name == name }?.value }

    /// Values of all cookies whose names hold that text.
    func values(containing text: String) -> [String] { self.cookies.filter { $0.name.contains(text) }.map(\.value) }

    private mutating func forgetExpired(_ nowSeconds: Int64) {
        self.cookies.removeAll { cookie in cookie.expiresSeconds.map { $0 <= nowSeconds } ?? false }
    }

    // MARK: What a field says

    private static let slash = UInt8(ascii: "/")
    private static let longestAttribute = 1024

    private struct Attributes {
        var path: [UInt8]?
        var domain: String?
        var isSecure = false
        var sameSite = ""
        /// Of both, `Max-Age` counts (RFC 6265 section 5.3).
        var maxAgeSeconds: Int64?
        var expiresSeconds: Int64?

        mutating func take(_ name: String, _ value: ArraySlice<UInt8>) {
            switch name {
            case "path": self.path = value.first == SiteCookies.slash ? Array(value) : nil
            case "domain":
                let bare = value.first == UInt8(ascii: ".") ? value.dropFirst() : value
                self.domain = bare.isEmpty ? nil : SiteCookies.lowercased(bare)
            case "secure": self.isSecure = true
            case "samesite": self.sameSite = SiteCookies.lowercased(value)
            // What makes no sense is passed over, as if it were not there.
            case "max-age": if let seconds = SiteCookies.seconds(value) { self.maxAgeSeconds = seconds }
            case "expires": if let seconds = CookieDate.seconds(value) { self.expiresSeconds = seconds }
            default: break
            }
        }
    }

    /// nil for what browsers do not take.
    private static func read(_ field: [UInt8], from url: SiteURL, nowSeconds: Int64) -> Cookie? {
        guard !field.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) else { return nil }
        let parts = field.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard case (let name, let value?) = Self.pair(parts[0]), !name.isEmpty,
            name.count + value.count < Self.mostBytes
        else {
            return nil
        }
        var attributes = Attributes()
        for part in parts.dropFirst() {
            let (name, value) = Self.pair(part)
            guard (value?.count ?? 0) <= Self.longestAttribute else { continue }
            attributes.take(Self.lowercased(name), value ?? [])
        }
        guard let domain = Self.domain(attributes, url), Self.isAllowed(Self.lowercased(name), attributes, url) else {
            return nil
        }
        let left = attributes.maxAgeSeconds ?? attributes.expiresSeconds.map { $0 - nowSeconds }
        return Cookie(
            name: String(decoding: name, as: UTF8.self),
            value: String(decoding: value, as: UTF8.self),
            path: attributes.path ?? Self.folder(of: url.target),
            domain: domain.isEmpty ? nil : domain,
            expiresSeconds: left.map { nowSeconds + $0.clamped(to: 0...Self.longestSeconds) }
        )
    }

    /// Empty for a cookie of the host alone; nil when it names a domain that the host is not part of. That a domain is one
    /// under which anybody may have a name, such as `co.uk`, is known of those with one word only.
    private static func domain(_ attributes: Attributes, _ url: SiteURL) -> String? {
        guard let domain = attributes.domain, domain != url.host else { return attributes.domain ?? "" }
        let isName = IPAddress(parsing: url.host) == nil
        return isName && domain.utf8.contains(UInt8(ascii: ".")) && url.host.hasSuffix(".\(domain)") ? domain : nil
    }

    private static func isAllowed(_ name: String, _ attributes: Attributes, _ url: SiteURL) -> Bool {
        if attributes.isSecure {
            guard url.isTrustworthy else { return false }
        } else if name.hasPrefix("__secure-") || name.hasPrefix("__host-") || attributes.sameSite == "none" {
            return false
        }
        return !name.hasPrefix("__host-") || attributes.path == [Self.slash] && attributes.domain == nil
    }

    /// Name and value without blanks around them; no value where there is no `=`.
    private static func pair(_ part: ArraySlice<UInt8>) -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>?) {
        guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return (Self.trimmed(part), nil) }
        return (Self.trimmed(part[..<equals]), Self.trimmed(part[(equals + 1)...]))
    }

    private static func seconds(_ value: ArraySlice<UInt8>) -> Int64? {
        let digits = value.first == UInt8(ascii: "-") ? value.dropFirst() : value
        guard !digits.isEmpty, digits.allSatisfy(ASCII.isDigit) else { return nil }
        // More digits than a number holds are very long, or long ago.
        return Int64(String(decoding: value, as: UTF8.self)) ?? (digits.count == value.count ? .max : .min)
    }

    private static func folder(of target: String) -> [UInt8] {
        let path = Array(target.utf8.prefix { $0 != UInt8(ascii: "?") })
        guard let last = path.lastIndex(of: Self.slash), last > 0 else { return [Self.slash] }
        return Array(path[..<last])
    }

    private static func lowercased<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> String {
        String(decoding: bytes.map(ASCII.lowercased), as: UTF8.self)
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}

extension SiteURL {
    /// Cookies marked `Secure` are taken from there: browsers trust this machine without TLS.
    var isTrustworthy: Bool {
        if self.scheme == .https || self.host == "localhost" || self.host.hasSuffix(".localhost") { return true }
        switch IPAddress(parsing: self.host) {
        case .v4(let address): return address >> 24 == 127
        case .v6(let high, let low): return high == 0 && low == 1
        case nil: return false
        }
    }
}

/// A jar of cookies that several browsers may look into. Lives on the crowd's loop.
final class CookieBox {
    var cookies = SiteCookies()
}
