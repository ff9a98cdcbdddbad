import Primitives
import Scaling

/// The text form, about a kilobyte: version, eight counts, the histogram, the workers, the rooms, with a space between
/// them.
///
///     2 1000000 812 12 40 3000 96 0 1 31004000000 57:400,58:412 w-1:48,w-2:48 sale:3000:12:40:500 coming=sale:400 process=h/b.n:7:9
///
/// That is: version, interval, arrivals, the unguarded of them, admissions, waiting, in flight, queued, errors, sum of the
/// latencies, their buckets, requests at each worker, and of each room those who wait, those at the door, admissions and
/// free slots; then how many in a thousand of a room's line may come when they are called, for rooms of which not all may,
/// and the gateway's process, where that is told. An empty list is `-`. Bytes of an id or a name that have a meaning here
/// are written as `%` and two hex digits. Gateway and time stand beside the text, not in it.
///
/// Version 1 ends before the rooms, and is read too. Behind the rooms there may be further parts, each `NAME=...`; those
/// that are not known are passed over, so that later programs may add some. A controller of version 1 reads no other:
/// until it is renewed it holds the workers and rates that it has.
extension GatewaySignals {
    /// Workers in `workerInFlight`.
    public static let maxWorkers = BoardLimits.maxWorkers

    var encoded: String {
        let counts = [
            self.arrivals, self.unguarded, self.admissions, self.waiting, self.inFlight, self.queued, self.errors,
        ]
        let pairs = self.latency.encoded
        let buckets = stride(from: 0, to: pairs.count, by: 2).map { "\(pairs[$0]):\(pairs[$0 + 1])" }
        let workers = self.workerInFlight.map { "\(Self.escaped($0.name)):\($0.value)" }
        let rooms = self.rooms.map { room in
            let seen = room.value
            return "\(Self.escaped(room.name)):\(seen.waiting):\(seen.atDoor):\(seen.admissions):\(seen.freeSlots)"
        }
        let coming = self.rooms.filter { $0.value.showUpPermille < RoomSignals.allShowUp }
            .map { "\(Self.escaped($0.name)):\($0.value.showUpPermille)" }
        let fields =
            ["2", String(self.intervalMicros)] + counts.map(String.init) + [String(self.latency.sumNanoseconds)]
            + [buckets, workers, rooms].map { $0.isEmpty ? "-" : $0.joined(separator: ",") }
            + (coming.isEmpty ? [] : [Self.comingPart + coming.joined(separator: ",")])
            + (self.process.map { [Self.processPart + Self.escaped("\($0)")] } ?? [])
        return fields.joined(separator: " ")
    }

    private static let comingPart = "coming="
    private static let processPart = "process="

    init(gateway: String, atMicros: Int64, ageMicros: Int64 = 0, encoded: String) throws(UnreadableValue) {
        func unreadable(_ problem: String) -> UnreadableValue {
            UnreadableValue("signals of gateway \(gateway)", encoded, problem)
        }
        let fields = encoded.split(separator: " ", omittingEmptySubsequences: false)
        switch fields.first {
        case "1": guard fields.count == 12 else { throw unreadable("they have \(fields.count) parts instead of 12") }
        case "2": guard fields.count >= 13 else { throw unreadable("they have \(fields.count) parts of 13") }
        default: throw unreadable("their version is neither 1 nor 2")
        }
        var counts: [Int] = []
        for field in fields[1...8] {
            guard let count = Int(field), count >= 0 else { throw unreadable("'\(field)' is not a count") }
            counts.append(count)
        }
        guard let sum = UInt64(fields[9]), let latency = Self.histogram(fields[10], sumNanoseconds: sum) else {
            throw unreadable("the histogram is not one")
        }
        guard let workers = Self.counts(fields[11]) else { throw unreadable("the list of workers is not one") }
        guard var rooms = fields.count > 12 ? Self.rooms(fields[12]) : [:] else {
            throw unreadable("the list of rooms is not one")
        }
        // One that cannot be read is as one that is not told: what the gateway has seen counts all the same.
        func part(_ name: String) -> Substring? {
            fields.dropFirst(13).first { $0.hasPrefix(name) }?.dropFirst(name.count)
        }
        for coming in part(Self.comingPart).flatMap(Self.counts) ?? [:] {
            rooms[coming.name]?.showUpPermille = min(RoomSignals.allShowUp, coming.value)
        }
        let process = part(Self.processPart).flatMap { PercentCoding.decodedText($0) }.flatMap { ProcessIdentity($0) }
        self.init(
            gateway: gateway,
            atMicros: atMicros,
            ageMicros: ageMicros,
            intervalMicros: Int64(counts[0]),
            arrivals: counts[1],
            unguarded: counts[2],
            admissions: counts[3],
            waiting: counts[4],
            rooms: rooms,
            inFlight: counts[5],
            queued: counts[6],
            errors: counts[7],
            latency: latency,
            workerInFlight: workers,
            process: process
        )
    }

    private static func histogram(_ text: Substring, sumNanoseconds: UInt64) -> LatencyHistogram? {
        guard text != "-" else { return LatencyHistogram(encoded: [], sumNanoseconds: sumNanoseconds) }
        var pairs: [UInt64] = []
        for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = pair.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let index = UInt64(parts[0]), let count = UInt64(parts[1]) else { return nil }
            // Ascending, so that no bucket comes twice and is counted twice.
            guard pairs.isEmpty || pairs[pairs.count - 2] < index else { return nil }
            pairs += [index, count]
        }
        return LatencyHistogram(encoded: pairs, sumNanoseconds: sumNanoseconds)
    }

    private static func counts(_ text: Substring) -> ByName<Int>? {
        var counts = ByName<Int>()
        guard text != "-" else { return counts }
        for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = pair.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let id = PercentCoding.decodedText(parts[0]), let count = Int(parts[1]), count >= 0,
                counts.count < Self.maxWorkers, counts.add(id, count)
            else { return nil }
        }
        return counts
    }

    private static func rooms(_ text: Substring) -> ByName<RoomSignals>? {
        var rooms = ByName<RoomSignals>()
        guard text != "-" else { return rooms }
        for room in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = room.split(separator: ":", omittingEmptySubsequences: false)
            let counts = parts.dropFirst().compactMap { Int($0) }
            guard parts.count == 5, counts.count == 4, counts.allSatisfy({ $0 >= 0 }),
                rooms.count < RoomSignals.mostRooms, let name = PercentCoding.decodedText(parts[0])
            else { return nil }
            let seen = RoomSignals(
                waiting: counts[0],
                atDoor: counts[1],
                admissions: counts[2],
                freeSlots: counts[3]
            )
            guard rooms.add(name, seen) else { return nil }
        }
        return rooms
    }

    /// Separators and what is not printable would break the text up.
    private static func escaped(_ id: String) -> String {
        PercentCoding.encoded(id) { $0 > 0x20 && $0 != 0x2C && $0 != 0x3A && $0 != 0x7F }
    }
}
