import Primitives
import Scaling

/// The text form, about a kilobyte: version, eight counts, the histogram, the workers, with a space between them.
///
///     1 1000000 812 12 40 3000 96 0 1 31004000000 57:400,58:412 w-1:48,w-2:48
///
/// That is: version, interval, arrivals, the unguarded of them, admissions, waiting, in flight, queued, errors, sum of the latencies, their
/// buckets, requests at each worker. An empty list is `-`. Bytes of a worker's id that have a meaning here are written
/// as `%` and two hex digits. Gateway and time stand beside the text, not in it.
extension GatewaySignals {
    /// Workers in `workerInFlight`.
    public static let maxWorkers = BoardLimits.maxWorkers

    var encoded: String {
        let counts = [
            self.arrivals, self.unguarded, self.admissions, self.waiting, self.inFlight, self.queued, self.errors,
        ]
        let pairs = self.latency.encoded
        let buckets = stride(from: 0, to: pairs.count, by: 2).map { "\(pairs[$0]):\(pairs[$0 + 1])" }
        let workers = self.workerInFlight.sorted { $0.key < $1.key }.map { "\(Self.escaped($0.key)):\($0.value)" }
        let fields =
            ["1", String(self.intervalMicros)] + counts.map(String.init) + [
                String(self.latency.sumNanoseconds), buckets.isEmpty ? "-" : buckets.joined(separator: ","),
                workers.isEmpty ? "-" : workers.joined(separator: ","),
            ]
        return fields.joined(separator: " ")
    }

    init(gateway: String, atMicros: Int64, encoded: String) throws(UnreadableValue) {
        func unreadable(_ problem: String) -> UnreadableValue {
            UnreadableValue("signals of gateway \(gateway)", encoded, problem)
        }
        let fields = encoded.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.first == "1" else { throw unreadable("their version is not 1") }
        guard fields.count == 12 else { throw unreadable("they have \(fields.count) parts instead of 12") }
        var counts: [Int] = []
        for field in fields[1...8] {
            guard let count = Int(field), count >= 0 else { throw unreadable("'\(field)' is not a count") }
            counts.append(count)
        }
        guard let sum = UInt64(fields[9]), let latency = Self.histogram(fields[10], sumNanoseconds: sum) else {
            throw unreadable("the histogram is not one")
        }
        guard let workers = Self.workers(fields[11]) else { throw unreadable("the list of workers is not one") }
        self.init(
            gateway: gateway,
            atMicros: atMicros,
            intervalMicros: Int64(counts[0]),
            arrivals: counts[1],
            unguarded: counts[2],
            admissions: counts[3],
            waiting: counts[4],
            inFlight: counts[5],
            queued: counts[6],
            errors: counts[7],
            latency: latency,
            workerInFlight: workers
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

    private static func workers(_ text: Substring) -> [String: Int]? {
        var workers: [String: Int] = [:]
        guard text != "-" else { return workers }
        for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = pair.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let id = PercentCoding.decodedText(parts[0]), let count = Int(parts[1]), count >= 0,
                workers.count < Self.maxWorkers, workers.updateValue(count, forKey: id) == nil
            else { return nil }
        }
        return workers
    }

    /// Separators and what is not printable would break the text up.
    private static func escaped(_ id: String) -> String {
        PercentCoding.encoded(id) { $0 > 0x20 && $0 != 0x2C && $0 != 0x3A && $0 != 0x7F }
    }
}
