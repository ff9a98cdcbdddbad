/// Values by name, in one array in the order of the names.
///
/// Reports name the same few rooms and workers second after second. Two such tables are joined by going along both, where
/// a dictionary would look each name up: with 100 gateways that report on 1,000 pools that was most of the controller's
/// second.
///
/// Limits: to set a name that is new moves those behind it. Meant for up to some thousands of names.
public struct ByName<Value> {
    public struct Entry {
        public let name: String
        public var value: Value

        @inlinable
        init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    @usableFromInline var entries: [Entry] = []

    @inlinable
    public init() {}

    public init(_ values: [String: Value]) {
        self.entries = values.map { Entry($0.key, $0.value) }.sorted { $0.name < $1.name }
    }

    /// The value under a name; nil where nothing is, and to take it out.
    @inlinable
    public subscript(name: String) -> Value? {
        get {
            let place = self.place(of: name, from: 0)
            return self.holds(name, at: place) ? self.entries[place].value : nil
        }
        set {
            let place = self.place(of: name, from: 0)
            switch (self.holds(name, at: place), newValue) {
            case (true, let value?): self.entries[place].value = value
            case (true, nil): self.entries.remove(at: place)
            case (false, let value?): self.entries.insert(Entry(name, value), at: place)
            case (false, nil): break
            }
        }
    }

    @inlinable public var names: [String] { self.entries.map(\.name) }

    /// Puts a value under a name that is new; where something is there already it stays, and the answer is false.
    @inlinable
    public mutating func add(_ name: String, _ value: Value) -> Bool {
        let place = self.place(of: name, from: 0)
        guard !self.holds(name, at: place) else { return false }
        self.entries.insert(Entry(name, value), at: place)
        return true
    }

    public func mapValues<Other>(_ transform: (Value) -> Other) -> ByName<Other> {
        var mapped = ByName<Other>()
        mapped.entries = self.entries.map { ByName<Other>.Entry($0.name, transform($0.value)) }
        return mapped
    }

    /// Takes in what is under the names of `other`: `take` is given what stands here under the same name, `fresh` where
    /// nothing did. No more than the first `most` names are taken.
    @inlinable
    public mutating func join<Other>(
        _ other: ByName<Other>,
        most: Int = .max,
        fresh: Value,
        _ take: (inout Value, Other) -> Void
    ) {
        var place = 0
        for index in other.entries.indices.prefix(most) {
            place = self.place(of: other.entries[index].name, from: place)
            if !self.holds(other.entries[index].name, at: place) {
                self.entries.insert(Entry(other.entries[index].name, fresh), at: place)
            }
            take(&self.entries[place].value, other.entries[index].value)
            place += 1
        }
    }

    /// Where the name is, or would have to be, not before `first`. Names often stand where they are looked for.
    @inlinable
    func place(of name: String, from first: Int) -> Int {
        if first == self.entries.count || self.entries[first].name == name { return first }
        var low = first
        var high = self.entries.count
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low
    }

    @inlinable
    func holds(_ name: String, at place: Int) -> Bool {
        place < self.entries.count && self.entries[place].name == name
    }
}

extension ByName: RandomAccessCollection {
    @inlinable public var startIndex: Int { 0 }
    @inlinable public var endIndex: Int { self.entries.count }
    @inlinable
    public subscript(index: Int) -> Entry { self.entries[index] }
}

extension ByName: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, Value)...) {
        self.init(Dictionary(uniqueKeysWithValues: elements))
    }
}

extension ByName.Entry: Equatable where Value: Equatable {}
extension ByName.Entry: Sendable where Value: Sendable {}
extension ByName: Equatable where Value: Equatable {}
extension ByName: Sendable where Value: Sendable {}
