import Admission
import Primitives

/// The few cookies of one visitor, kept as the bytes of the next request's `Cookie` value.
///
/// One site, so no domains and no paths. Limits: `mostCookies`, `mostBytes` a pair; what does not fit is dropped.
struct CookieJar: Sendable {
    static let mostCookies = 4
    static let mostBytes = 1024

    /// `name=value; name=value`, empty when there are none.
    private(set) var header: [UInt8] = []
    private var pairs: [[UInt8]] = []

    /// Takes the value of one `Set-Cookie` field; an expired one removes the cookie. False when it did not fit.
    @discardableResult
    mutating func take(setCookie: UnsafeRawBufferPointer) -> Bool {
        let end = setCookie.firstIndex(of: UInt8(ascii: ";")) ?? setCookie.count
        let pair = Self.trimmed(UnsafeRawBufferPointer(rebasing: setCookie[0..<end]))
        guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), equals > 0 else { return false }
        let name = UnsafeRawBufferPointer(rebasing: pair[0...equals])
        let known = self.pairs.firstIndex { $0.starts(with: name) }
        if Self.isExpired(UnsafeRawBufferPointer(rebasing: setCookie[end...])) || equals == pair.count - 1 {
            if let known { self.pairs.remove(at: known) }
        } else {
            guard pair.count <= Self.mostBytes else { return false }
            if let known {
                self.pairs[known] = Array(pair)
            } else {
                guard self.pairs.count < Self.mostCookies else { return false }
                self.pairs.append(Array(pair))
            }
        }
        self.header = Array(self.pairs.joined(separator: "; ".utf8))
        return true
    }

    /// The one cookie that there is; nil when there are none or more.
    var onlyPair: [UInt8]? { self.pairs.count == 1 ? self.pairs[0] : nil }

    init() {}

    /// A jar with one cookie, as `name=value`.
    init(pair: [UInt8]) {
        self.pairs = [pair]
        self.header = pair
    }

    /// A jar with the cookie of that name alone; empty when there is none.
    func taken(only name: String) -> CookieJar {
        var jar = CookieJar()
        jar.pairs = self.pairs.filter { $0.starts(with: "\(name)=".utf8) }
        jar.header = Array(jar.pairs.joined(separator: "; ".utf8))
        return jar
    }

    /// The number on the token of that name, whoever signed it.
    func number(on name: String) -> Int64? {
        let start = name.utf8.count + 1
        guard let pair = self.taken(only: name).onlyPair else { return nil }
        return AdmissionToken.unchecked(pair.dropFirst(start))?.number
    }

    /// The same with one character in the middle of the value changed.
    func forged(only name: String) -> CookieJar {
        var jar = self.taken(only: name)
        guard var pair = jar.pairs.first else { return jar }
        let start = name.utf8.count + 1
        let middle = start + (pair.count - start) / 2
        pair[middle] = pair[middle] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        jar.pairs = [pair]
        jar.header = pair
        return jar
    }

    /// `Max-Age` of zero or less is how the gateway takes a cookie back; dates are not read.
    private static func isExpired(_ attributes: UnsafeRawBufferPointer) -> Bool {
        for part in attributes.split(separator: UInt8(ascii: ";")) {
            let attribute = self.trimmed(UnsafeRawBufferPointer(rebasing: part))
            guard attribute.count > 8,
                ASCII.equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: attribute[0..<8]), "max-age=")
            else { continue }
            return attribute[8] == UInt8(ascii: "0") || attribute[8] == UInt8(ascii: "-")
        }
        return false
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var range = 0..<bytes.count
        while let first = range.first, bytes[first] == ASCII.space { range = (first + 1)..<range.upperBound }
        while let last = range.last, bytes[last] == ASCII.space { range = range.lowerBound..<last }
        return UnsafeRawBufferPointer(rebasing: bytes[range])
    }
}
