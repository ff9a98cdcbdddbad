import Primitives
import Scaling
import Testing

@testable import SharedState

@Suite struct GatewaySignalsTests {
    @Test(arguments: [1, 2, 3, 0xBEEF] as [UInt64])
    func encode_anyValues_areReadBack(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let letters = Array("abcXYZ019-_.%,: \t\u{7F}é√")
        for _ in 0..<300 {
            var signals = GatewaySignals(gateway: "g", intervalMicros: Int64.random(in: 0...2_000_000, using: &random))
            signals.arrivals = Int.random(in: 0...1_000_000, using: &random)
            signals.admissions = Int.random(in: 0...1_000, using: &random)
            signals.waiting = Int.random(in: 0 ... .max, using: &random)
            signals.inFlight = Int.random(in: 0...9, using: &random)
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                signals.latency.record(nanoseconds: Int64.random(in: 0...90_000_000_000, using: &random))
            }
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                let id = (0..<Int.random(in: 1...8, using: &random)).map { _ in letters.randomElement(using: &random)! }
                signals.workerInFlight[String(id)] = Int.random(in: 0...500, using: &random)
            }
            let read = try GatewaySignals(gateway: "g", atMicros: 0, encoded: signals.encoded)
            #expect(read == signals, "seed \(seed): \(signals.encoded)")
        }
    }

    @Test(arguments: [
        "", "1", "2 1 1 1 1 1 1 1 1 - -", "1 1 1 1 1 1 1 1 1 -", "1 1 1 1 1 1 1 1 1 - - -", "1 x 1 1 1 1 1 1 1 - -",
        "1 1 -1 1 1 1 1 1 1 - -", "1 1 1 1 1 1 1 1 -1 - -", "1 1 1 1 1 1 1 1 1 3 -", "1 1 1 1 1 1 1 1 1 3:1,3:1 -",
        "1 1 1 1 1 1 1 1 1 208:1 -", "1 1 1 1 1 1 1 1 1 4294967296:1 -", "1 1 1 1 1 1 1 1 1 - w",
        "1 1 1 1 1 1 1 1 1 - w:-1",
        "1 1 1 1 1 1 1 1 1 - w:1,w:2", "1 1 1 1 1 1 1 1 1 - %zz:1", "1 1 1 1 1 1 1 1 1 - %4:1", "1 1 1 1 1 1 1 1 1  -",
        "1 1 99999999999999999999 1 1 1 1 1 1 - -",
    ])
    func decode_malformed_isRefusedWithAReason(text: String) {
        #expect(throws: UnreadableValue.self) { try GatewaySignals(gateway: "g", atMicros: 0, encoded: text) }
    }

    /// Whatever is done to a value, reading it gives signals or a reason, and never traps.
    @Test(arguments: [5, 6, 7] as [UInt64])
    func decode_damagedValues_neverTraps(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var signals = GatewaySignals(
            gateway: "g",
            intervalMicros: 1_000_000,
            arrivals: 12,
            workerInFlight: ["w-1": 3, "w 2": 4]
        )
        for index in 1...20 as ClosedRange<Int64> { signals.latency.record(nanoseconds: index * 7_000_000) }
        let whole = Array(signals.encoded.utf8)
        for _ in 0..<5_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0 ... .max, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...3, using: &random))
            _ = try? GatewaySignals(gateway: "g", atMicros: 0, encoded: String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test(arguments: [
        "", "1", "1 ready", "1 ready 1", "1 ready 1 ", "1 ready x a:1", "1 ready -1 a:1", "2 ready 1 a:1",
    ])
    func worker_malformed_isRefused(text: String) {
        #expect(throws: UnreadableValue.self) { try WorkerRecord(id: "w", encoded: text) }
    }

    @Test func worker_encoded_isReadBack() throws {
        for state in WorkerRecord.State.allCases {
            let record = WorkerRecord(id: "w", address: "unix:/a b c", state: state, sinceMicros: 17)
            #expect(try WorkerRecord(id: "w", encoded: record.encoded) == record)
        }
    }
}
