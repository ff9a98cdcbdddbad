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
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                let length = Int.random(in: 1...8, using: &random)
                let name = (0..<length).map { _ in letters.randomElement(using: &random)! }
                signals.rooms[String(name)] = RoomSignals(
                    waiting: Int.random(in: 0 ... .max, using: &random),
                    atDoor: Int.random(in: 0...9, using: &random),
                    admissions: Int.random(in: 0...9, using: &random),
                    freeSlots: Int.random(in: 0...9, using: &random),
                    showUpPermille: Bool.random(using: &random) ? 1_000 : Int.random(in: 0...1_000, using: &random)
                )
            }
            if Bool.random(using: &random) {
                let place = (0..<6).map { _ in letters.randomElement(using: &random)! }
                signals.process = ProcessIdentity(place: String(place), pid: 7, startTicks: .max)
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
        "1 1 99999999999999999999 1 1 1 1 1 1 - -", "1 1 1 1 1 1 1 1 1 1 - - -", "2 1 1 1 1 1 1 1 1 1 - -",
        "2 1 1 1 1 1 1 1 1 1 - - s", "2 1 1 1 1 1 1 1 1 1 - - s:1:1:1", "2 1 1 1 1 1 1 1 1 1 - - s:1:1:1:-1",
        "2 1 1 1 1 1 1 1 1 1 - - s:1:1:1:1,s:1:1:1:1", "2 1 1 1 1 1 1 1 1 1 - - s:1:1:1:1:1",
        "3 1 1 1 1 1 1 1 1 1 - - -",
    ])
    func decode_malformed_isRefusedWithAReason(text: String) {
        #expect(throws: UnreadableValue.self) { try GatewaySignals(gateway: "g", atMicros: 0, encoded: text) }
    }

    @Test func decode_ofNamesOutOfOrder_isTheSame_andTwiceIsRefused() throws {
        let text = "2 9 8 7 6 5 4 3 2 0 - w-2:1,w-10:2,w-1:3 t:1:0:0:0,s:2:0:0:0 coming=t:400,s:300"
        let signals = try GatewaySignals(gateway: "g", atMicros: 5, encoded: text)
        #expect(signals.workerInFlight == ["w-1": 3, "w-10": 2, "w-2": 1])
        #expect(signals.workerInFlight.names == ["w-1", "w-10", "w-2"])
        #expect(signals.rooms.names == ["s", "t"])
        #expect(signals.rooms["s"] == RoomSignals(waiting: 2, showUpPermille: 300))
        #expect(signals.rooms["t"] == RoomSignals(waiting: 1, showUpPermille: 400))
        for twice in ["w-2:1,w-1:3,w-2:1 -", "- t:1:0:0:0,s:2:0:0:0,t:1:0:0:0"] {
            #expect(throws: UnreadableValue.self) {
                try GatewaySignals(gateway: "g", atMicros: 5, encoded: "2 9 8 7 6 5 4 3 2 0 - \(twice)")
            }
        }
    }

    @Test(arguments: ["process=", "process=h:0:1", "process=h/b.n:7:x", "process=%zz", "process=h/b.n:7"])
    func decode_ofAProcessThatIsNone_losesOnlyThat(part: String) throws {
        let text = "2 9 8 7 6 5 4 3 2 0 - w:1 s:1:2:3:4 \(part)"
        let signals = try GatewaySignals(gateway: "g", atMicros: 5, encoded: text)
        #expect(signals.process == nil && signals.waiting == 5 && signals.workerInFlight == ["w": 1])
        #expect(signals.rooms == ["s": RoomSignals(waiting: 1, atDoor: 2, admissions: 3, freeSlots: 4)])
    }

    @Test(arguments: [
        ("coming=s:400", 400), ("coming=s:0", 0), ("coming=s:2000", 1_000), ("coming=other:4", 1_000),
        ("coming=s:-4", 1_000), ("coming=s", 1_000), ("coming=s:4,s:5", 1_000), ("coming=", 1_000), ("coming=-", 1_000),
    ])
    func decode_ofWhoMayCome_isEverybodyWhereItIsNotTold(part: String, permille: Int) throws {
        let text = "2 9 8 7 6 5 4 3 2 0 - w:1 s:1:2:3:4 \(part) process=h/b.n:7:9"
        let signals = try GatewaySignals(gateway: "g", atMicros: 5, encoded: text)
        let seen = RoomSignals(waiting: 1, atDoor: 2, admissions: 3, freeSlots: 4, showUpPermille: permille)
        #expect(signals.rooms == ["s": seen] && signals.process?.pid == 7)
    }

    /// Whatever is done to a value, reading it gives signals or a reason, and never traps.
    @Test(arguments: [5, 6, 7] as [UInt64])
    func decode_damagedValues_neverTraps(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var signals = GatewaySignals(
            gateway: "g",
            intervalMicros: 1_000_000,
            arrivals: 12,
            rooms: ["sale": RoomSignals(waiting: 9), "s 2": RoomSignals(freeSlots: 3, showUpPermille: 20)],
            workerInFlight: ["w-1": 3, "w 2": 4],
            process: ProcessIdentity(place: "h/b.n", pid: 7, startTicks: 9)
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

    /// What gateways of before write is read, and what those to come will add is passed over.
    @Test func decode_ofOtherVersions_takesWhatItKnows() throws {
        let old = try GatewaySignals(gateway: "g", atMicros: 5, encoded: "1 9 8 7 6 5 4 3 2 0 - w:1")
        #expect(old.waiting == 5 && old.rooms.isEmpty && old.workerInFlight == ["w": 1])
        let new = try GatewaySignals(gateway: "g", atMicros: 5, encoded: "2 9 8 7 6 5 4 3 2 0 - w:1 s:1:2:3:4 more -")
        #expect(new.rooms == ["s": RoomSignals(waiting: 1, atDoor: 2, admissions: 3, freeSlots: 4)])
        #expect(new.process == nil)
        let newer = try GatewaySignals(
            gateway: "g",
            atMicros: 5,
            encoded: "2 9 8 7 6 5 4 3 2 0 - - - a=b process=h/b.n:7:9"
        )
        #expect(newer.process == ProcessIdentity(place: "h/b.n", pid: 7, startTicks: 9))
    }

    @Test(arguments: [
        "", "1", "1 ready", "1 ready 1", "1 ready 1 ", "1 ready x a:1", "1 ready -1 a:1", "2 ready 1 a:1",
        "3 ready 1 - a:1", "2 ready 1 - ", "2 ready 1 slots=0 a:1", "2 ready 1 slots=x a:1",
        "2 ready 1 slots=1000001 a:1",
    ])
    func worker_malformed_isRefused(text: String) {
        #expect(throws: UnreadableValue.self) { try WorkerRecord(id: "w", encoded: text) }
    }

    @Test func worker_encoded_isReadBack() throws {
        for state in WorkerRecord.State.allCases {
            for slots in [nil, 1, 1_000_000] {
                let record = WorkerRecord(
                    id: "w",
                    address: "unix:/a b c=d",
                    state: state,
                    sinceMicros: 17,
                    slots: slots
                )
                #expect(try WorkerRecord(id: "w", encoded: record.encoded) == record)
            }
        }
        let old = try WorkerRecord(id: "w", encoded: "1 ready 17 unix:/a b c=d")
        #expect(old == WorkerRecord(id: "w", address: "unix:/a b c=d", state: .ready, sinceMicros: 17))
        #expect(old.encoded == "1 ready 17 unix:/a b c=d", "gateways of before read it, too")
        let new = try WorkerRecord(id: "w", encoded: "2 ready 17 zone=a,slots=4,more a:1")
        #expect(new.slots == 4 && new.address == "a:1")
    }
}
