import Primitives

/// The gateway's JSON for a visitor in line.
///
/// Read by a small scanner instead of a JSON library: a thousand waiting visitors ask hundreds of times a second, and
/// the load tool shares the machine with what it measures.
struct WaitingPage: Equatable, Sendable {
    /// The longest body that is looked at; the gateway's own is about 200 bytes.
    static let mostBytes = 4096

    /// Larger figures count as this: whoever reckons with them must not overflow.
    static let mostFigure: Int64 = 1_000_000_000_000

    /// nil while the room could not give a place out yet.
    var number: Int64?
    /// People ahead, the visitor included.
    var position: Int64 = 0
    var waiting: Int64 = 0
    var estimateSeconds: ClosedRange<Int64>?
    var refreshSeconds: Int64 = 0
    var opensInSeconds: Int64 = 0

    init(number: Int64?, refreshSeconds: Int64 = 0, opensInSeconds: Int64 = 0) {
        self.number = number
        self.refreshSeconds = refreshSeconds
        self.opensInSeconds = opensInSeconds
    }

    /// nil when the body is too long, is not an object, or says nothing of a number.
    init?(json: UnsafeRawBufferPointer) {
        guard json.count <= Self.mostBytes else { return nil }
        var scanner = JSONScanner(json)
        guard scanner.skip(UInt8(ascii: "{")) else { return nil }
        self.init(number: nil)
        var toldNumber = false
        repeat {
            guard let key = scanner.string(), scanner.skip(UInt8(ascii: ":")) else { return nil }
            guard self.take(key: key, from: &scanner) else { return nil }
            if key.elementsEqual("number".utf8) { toldNumber = true }
        } while scanner.skip(UInt8(ascii: ","))
        guard scanner.skip(UInt8(ascii: "}")), toldNumber, self.number ?? 0 >= 0 else { return nil }
    }

    private mutating func take(key: UnsafeRawBufferPointer, from scanner: inout JSONScanner) -> Bool {
        if key.elementsEqual("estimate_seconds".utf8) {
            guard let range = scanner.pair() else { return scanner.skipValue() }
            guard range.0 <= range.1 else { return false }
            let most = Self.mostFigure
            self.estimateSeconds = range.0.clamped(to: -most...most)...range.1.clamped(to: -most...most)
            return true
        }
        if key.elementsEqual("number".utf8) {
            if scanner.null() { return true }
            self.number = scanner.integer()
            return self.number != nil
        }
        guard let field = Self.field(key) else { return scanner.skipValue() }
        if scanner.null() { return true }
        guard let value = scanner.integer() else { return false }
        self[keyPath: field] = value.clamped(to: -Self.mostFigure...Self.mostFigure)
        return true
    }

    private static func field(_ key: UnsafeRawBufferPointer) -> WritableKeyPath<WaitingPage, Int64>? {
        if key.elementsEqual("position".utf8) { return \.position }
        if key.elementsEqual("waiting".utf8) { return \.waiting }
        if key.elementsEqual("refresh_seconds".utf8) { return \.refreshSeconds }
        if key.elementsEqual("opens_in_seconds".utf8) { return \.opensInSeconds }
        return nil
    }
}
