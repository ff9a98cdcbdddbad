import COpenSSL
import Primitives
import Synchronization

/// What seals tickets now, and what opens them.
public struct TicketKeySet: Equatable, Sendable {
    public static let maxKeys = 2 * TicketKeyRing.maxKeys

    /// The first one seals; all of them open.
    public let keys: [TicketKey]

    /// Of those in `accepted` beyond `maxKeys` the last ones are left out.
    public init(sealing: TicketKey, accepted: [TicketKey] = []) {
        self.keys = Array(([sealing] + accepted.filter { $0.name != sealing.name }).prefix(Self.maxKeys))
    }
}

/// What a listener's session tickets are sealed with, and how its handshakes went. Its loops have it in common, and with
/// it their contexts: new keys are in force with the next handshake, and no context is made anew.
///
/// Handshakes take no lock. Each counts itself in and out; keys that were replaced are freed at a moment at which
/// nobody is inside.
public final class TLSTicketKeys: Sendable {
    /// The bytes of a set's keys, behind each other. Not changed once made; wiped at the end.
    // Unchecked because its memory is written in `init` and only read after it.
    final class Table: @unchecked Sendable {
        private static let keyBytes = TicketKey.nameBytes + TicketKey.secretBytes
        private let memory: UnsafeMutableRawBufferPointer

        init(_ set: TicketKeySet) {
            let bytes = set.keys.flatMap { $0.name + $0.secret.bytes }
            self.memory = .allocate(byteCount: bytes.count, alignment: 8)
            self.memory.copyBytes(from: bytes)
        }

        deinit {
            OPENSSL_cleanse(self.memory.baseAddress, self.memory.count)
            self.memory.deallocate()
        }

        /// The place of the key with that name of 16 bytes; 0 is the one that seals.
        func place(of name: UnsafePointer<UInt8>) -> Int? {
            let name = UnsafeRawBufferPointer(start: name, count: TicketKey.nameBytes)
            for place in 0..<(self.memory.count / Self.keyBytes) where self.name(at: place).elementsEqual(name) {
                return place
            }
            return nil
        }

        func name(at place: Int) -> UnsafeRawBufferPointer { self.part(at: place, 0, TicketKey.nameBytes) }
        func macKey(at place: Int) -> UnsafeRawBufferPointer { self.part(at: place, TicketKey.nameBytes, 32) }
        func cipherKey(at place: Int) -> UnsafeRawBufferPointer { self.part(at: place, TicketKey.nameBytes + 32, 32) }

        private func part(at place: Int, _ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
            let start = place * Self.keyBytes + offset
            return UnsafeRawBufferPointer(rebasing: self.memory[start..<(start + count)])
        }
    }

    /// False: clients are given no tickets, and each handshake is a full one.
    public let givesTickets: Bool
    private let table: Atomic<Unmanaged<Table>>
    /// Handshakes that look at a table now.
    private let readers = Atomic<Int>(0)
    /// Tables that were replaced and may still be looked at.
    private let replaced = Mutex<[Table]>([])
    private let fullCount = Atomic<Int>(0)
    private let resumedCount = Atomic<Int>(0)

    /// With a key of its own, which stays until another set is put in its place.
    public init(givesTickets: Bool = true) {
        self.givesTickets = givesTickets
        let first = TicketKeySet(sealing: .random(fromMicros: 0, untilMicros: 1))
        self.table = Atomic(Unmanaged.passRetained(Table(first)))
    }

    deinit { self.table.load(ordering: .acquiring).release() }

    /// From any thread.
    public func install(_ set: TicketKeySet) {
        let old = self.table.exchange(Unmanaged.passRetained(Table(set)), ordering: .sequentiallyConsistent)
        self.replaced.withLock { $0.append(old.takeRetainedValue()) }
        self.freeReplaced()
    }

    /// Frees what nobody looks at any more; to be called now and then until it says that nothing is left. Whoever comes
    /// in after the exchange finds the new table: with nobody inside, none of the old ones is known to anybody.
    @discardableResult
    public func freeReplaced() -> Bool {
        self.replaced.withLock { tables in
            if self.readers.load(ordering: .sequentiallyConsistent) == 0 { tables = [] }
            return tables.isEmpty
        }
    }

    /// `body` must not keep the table.
    func read<Answer>(_ body: (Table) -> Answer) -> Answer {
        self.readers.add(1, ordering: .sequentiallyConsistent)
        defer { self.readers.subtract(1, ordering: .sequentiallyConsistent) }
        return self.table.load(ordering: .sequentiallyConsistent)._withUnsafeGuaranteedRef(body)
    }

    // MARK: How handshakes went

    func count(isResumed: Bool) {
        if isResumed {
            self.resumedCount.add(1, ordering: .relaxed)
        } else {
            self.fullCount.add(1, ordering: .relaxed)
        }
    }

    /// Handshakes that came to their end, since the start.
    public var handshakes: (full: Int, resumed: Int) {
        (self.fullCount.load(ordering: .relaxed), self.resumedCount.load(ordering: .relaxed))
    }
}
