/// A set of place numbers as a bitmap in pages: a line restored at a high number costs eight bytes a page below it.
///
/// Limits: numbers up to `RoomRules.lastNumber`, so 65,536 pages.
struct NumberSet: Equatable, Sendable {
    private static let pageBits: Int64 = 65_536

    /// In order; those on which nothing was ever kept are empty.
    private(set) var pages: [[UInt64]] = []

    var isEmpty: Bool { self.pages.isEmpty }

    /// The page stays when its last number is removed, as the bytes of a bitmap do.
    private func page(of number: Int64) -> Int? {
        let page = Int(number / Self.pageBits)
        return page < self.pages.count && !self.pages[page].isEmpty ? page : nil
    }

    func contains(_ number: Int64) -> Bool {
        guard let page = self.page(of: number) else { return false }
        let bit = Int(number % Self.pageBits)
        return self.pages[page][bit / 64] & (1 << UInt64(bit % 64)) != 0
    }

    mutating func insert(_ number: Int64) {
        let page = self.page(of: number) ?? self.openPage(of: number)
        let bit = Int(number % Self.pageBits)
        self.pages[page][bit / 64] |= 1 << UInt64(bit % 64)
    }

    private mutating func openPage(of number: Int64) -> Int {
        let page = Int(number / Self.pageBits)
        while self.pages.count <= page { self.pages.append([]) }
        self.pages[page] = Array(repeating: 0, count: Int(Self.pageBits) / 64)
        return page
    }

    mutating func remove(_ number: Int64) {
        guard let page = self.page(of: number) else { return }
        let bit = Int(number % Self.pageBits)
        self.pages[page][bit / 64] &= ~(1 << UInt64(bit % 64))
    }

    /// Members in `above + 1 ... upTo`.
    func count(above: Int64, upTo: Int64) -> Int64 {
        guard upTo > above else { return 0 }
        var total = 0
        for index in (above + 1) / Self.pageBits...upTo / Self.pageBits {
            guard let page = self.page(of: index * Self.pageBits) else { continue }
            let base = index * Self.pageBits
            let first = Int(max(above + 1, base) - base)
            let last = Int(min(upTo, base + Self.pageBits - 1) - base)
            for word in first / 64...last / 64 {
                var bits = self.pages[page][word]
                if word == first / 64 { bits &= ~0 << UInt64(first % 64) }
                if word == last / 64 { bits &= ~0 >> UInt64(63 - last % 64) }
                total += bits.nonzeroBitCount
            }
        }
        return Int64(total)
    }
}
