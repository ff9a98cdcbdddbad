/// A value for each of some numbers that lie near each other, as those do that are handed out in order and done with
/// within a while: an array in pages of 64, so that finding one is two steps and no hash, and a page that is empty costs
/// sixteen bytes.
///
/// Limits: pages span 16 million numbers; a number further away than that is kept in a dictionary.
public struct NumberTable<Value> {
    @usableFromInline
    struct Page {
        /// Empty when nothing is kept here.
        @usableFromInline var slots: [Value?] = []
        /// A bit for each slot in which something is: that nothing is there is seen without looking into it.
        @usableFromInline var used: UInt64 = 0

        @inlinable
        init() {}
    }

    @inlinable static var pageBits: Int64 { 6 }
    @inlinable static var slotsOfPage: Int { 1 << Self.pageBits }
    @inlinable static var mostPages: Int { 1 << 18 }

    @usableFromInline var pages: [Page] = []
    /// Which page of all numbers the first one is.
    @usableFromInline var firstPage: Int64 = 0
    /// So many pages at the beginning are empty.
    @usableFromInline var emptyPages = 0
    @usableFromInline var strays: [Int64: Value] = [:]
    @usableFromInline var kept = 0

    @inlinable
    public init() {}

    @inlinable public var count: Int { self.kept }
    @inlinable public var isEmpty: Bool { self.kept == 0 }

    @inlinable
    public subscript(number: Int64) -> Value? {
        guard let page = self.page(of: number) else { return self.strays.isEmpty ? nil : self.strays[number] }
        let slot = Self.slot(number)
        return self.pages[page].used & (1 << slot) == 0 ? nil : self.pages[page].slots[slot]
    }

    /// What was kept for the number before.
    @inlinable
    @discardableResult
    public mutating func set(_ value: Value, for number: Int64) -> Value? {
        guard let page = self.pageToWrite(number) else {
            let former = self.strays.updateValue(value, forKey: number)
            if former == nil { self.kept += 1 }
            return former
        }
        let slot = Self.slot(number)
        let former = self.pages[page].slots[slot]
        self.pages[page].slots[slot] = value
        guard former == nil else { return former }
        self.pages[page].used |= 1 << slot
        self.kept += 1
        return nil
    }

    /// Changes the value where it is; nil when there is none.
    @inlinable
    @discardableResult
    public mutating func change<Result>(_ number: Int64, _ body: (inout Value) -> Result) -> Result? {
        if let page = self.page(of: number) {
            let slot = Self.slot(number)
            guard self.pages[page].used & (1 << slot) != 0 else { return nil }
            return body(&self.pages[page].slots[slot]!)
        }
        guard !self.strays.isEmpty, self.strays[number] != nil else { return nil }
        return body(&self.strays[number]!)
    }

    /// What was kept for the number.
    @inlinable
    @discardableResult
    public mutating func remove(_ number: Int64) -> Value? {
        guard let page = self.page(of: number) else {
            guard !self.strays.isEmpty, let former = self.strays.removeValue(forKey: number) else { return nil }
            self.kept -= 1
            return former
        }
        let slot = Self.slot(number)
        guard self.pages[page].used & (1 << slot) != 0 else { return nil }
        let former = self.pages[page].slots[slot]
        self.pages[page].slots[slot] = nil
        self.pages[page].used &= ~(1 << slot)
        self.kept -= 1
        if self.pages[page].used == 0 { self.drop(page) }
        return former
    }

    /// All that is kept, in the order of the numbers.
    @inlinable
    public var all: [(number: Int64, value: Value)] {
        var all: [(number: Int64, value: Value)] = []
        for (index, page) in self.pages.enumerated() {
            let base = (self.firstPage + Int64(index)) << Self.pageBits
            for slot in page.slots.indices {
                if let value = page.slots[slot] { all.append((base + Int64(slot), value)) }
            }
        }
        guard !self.strays.isEmpty else { return all }
        all += self.strays.map { ($0.key, $0.value) }
        return all.sorted { $0.number < $1.number }
    }

    // MARK: Pages

    @inlinable
    static func slot(_ number: Int64) -> Int { Int(number & (Int64(Self.slotsOfPage) - 1)) }

    /// Where the number is kept if its page is not empty; then it is no stray.
    @inlinable
    func page(of number: Int64) -> Int? {
        let page = (number >> Self.pageBits) - self.firstPage
        guard page >= 0, page < Int64(self.pages.count), self.pages[Int(page)].used != 0 else { return nil }
        return Int(page)
    }

    /// nil for a number that is too far away from the others.
    @inlinable
    mutating func pageToWrite(_ number: Int64) -> Int? { self.page(of: number) ?? self.openPage(of: number) }

    @inlinable
    mutating func openPage(of number: Int64) -> Int? {
        let wanted = number >> Self.pageBits
        if self.pages.isEmpty { self.firstPage = wanted }
        let distance = wanted - self.firstPage
        guard distance.magnitude < Self.mostPages, self.pages.count - min(0, Int(distance)) <= Self.mostPages else {
            return nil
        }
        if distance < 0 {
            self.pages.insert(contentsOf: repeatElement(Page(), count: -Int(distance)), at: 0)
            self.firstPage = wanted
            self.emptyPages = 0
        }
        let page = Int(wanted - self.firstPage)
        while self.pages.count <= page { self.pages.append(Page()) }
        self.pages[page].slots = Array(repeating: nil, count: Self.slotsOfPage)
        self.emptyPages = min(self.emptyPages, page)
        if !self.strays.isEmpty { self.takeInStrays(page) }
        return page
    }

    /// They were too far away when they came.
    @inlinable
    mutating func takeInStrays(_ page: Int) {
        let base = (self.firstPage + Int64(page)) << Self.pageBits
        for slot in 0..<Self.slotsOfPage {
            guard let value = self.strays.removeValue(forKey: base + Int64(slot)) else { continue }
            self.pages[page].slots[slot] = value
            self.pages[page].used |= 1 << slot
        }
    }

    /// The page has become empty. Empty ones at the beginning go when they are more than the others.
    @inlinable
    mutating func drop(_ page: Int) {
        self.pages[page].slots = []
        guard page == self.emptyPages else { return }
        while self.emptyPages < self.pages.count, self.pages[self.emptyPages].used == 0 { self.emptyPages += 1 }
        guard 2 * self.emptyPages > self.pages.count else { return }
        self.pages.removeFirst(self.emptyPages)
        self.firstPage += Int64(self.emptyPages)
        self.emptyPages = 0
    }
}

extension NumberTable.Page: Sendable where Value: Sendable {}
extension NumberTable: Sendable where Value: Sendable {}

/// By what is kept, not by how.
extension NumberTable: Equatable where Value: Equatable {
    @inlinable
    public static func == (left: Self, right: Self) -> Bool {
        left.count == right.count
            && left.all.elementsEqual(right.all) { $0.number == $1.number && $0.value == $1.value }
    }
}
