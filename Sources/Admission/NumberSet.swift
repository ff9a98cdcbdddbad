/// A set of place numbers as a bitmap in pages, so that a line restored at a high number costs no memory below it.
struct NumberSet: Equatable, Sendable {
    private static let pageBits: Int64 = 65_536

    private(set) var pages: [Int64: [UInt64]] = [:]

    var isEmpty: Bool { self.pages.isEmpty }

    func contains(_ number: Int64) -> Bool {
        guard let page = self.pages[number / Self.pageBits] else { return false }
        let bit = Int(number % Self.pageBits)
        return page[bit / 64] & (1 << UInt64(bit % 64)) != 0
    }

    mutating func insert(_ number: Int64) {
        let bit = Int(number % Self.pageBits)
        self.pages[number / Self.pageBits, default: Array(repeating: 0, count: Int(Self.pageBits) / 64)][bit / 64] |=
            1 << UInt64(bit % 64)
    }

    /// The page stays, as the bytes of a bitmap do.
    mutating func remove(_ number: Int64) {
        let bit = Int(number % Self.pageBits)
        self.pages[number / Self.pageBits]?[bit / 64] &= ~(1 << UInt64(bit % 64))
    }

    /// Members in `above + 1 ... upTo`.
    func count(above: Int64, upTo: Int64) -> Int64 {
        guard upTo > above else { return 0 }
        var total = 0
        for pageIndex in (above + 1) / Self.pageBits...upTo / Self.pageBits {
            guard let page = self.pages[pageIndex] else { continue }
            let base = pageIndex * Self.pageBits
            let first = Int(max(above + 1, base) - base)
            let last = Int(min(upTo, base + Self.pageBits - 1) - base)
            for word in first / 64...last / 64 {
                var bits = page[word]
                if word == first / 64 { bits &= ~0 << UInt64(first % 64) }
                if word == last / 64 { bits &= ~0 >> UInt64(63 - last % 64) }
                total += bits.nonzeroBitCount
            }
        }
        return Int64(total)
    }
}
