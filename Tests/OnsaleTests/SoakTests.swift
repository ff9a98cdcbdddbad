import Foundation
import Primitives
import SettingsFile
import TestKit
import Testing

@testable import onsale

/// What a soak sends, and what it makes of what it hears.
@Suite struct SoakTests {
    private static func script(
        _ manner: SoakScript.Manner,
        _ behaviour: SoakScript.Behaviour = .ok
    ) -> SoakScript {
        var random = SplitMix64(seed: 1)
        return SoakScript(manner, behaviour, place: "/raw", number: 7, using: &random)
    }

    @Test(arguments: SoakScript.Manner.allCases)
    func script_ofEveryManner_endsItsConnection(manner: SoakScript.Manner) {
        let script = Self.script(manner)
        #expect(script.steps.last == .close || script.steps.last == .reset)
        #expect(!script.methods.isEmpty)
        #expect(script.manner == manner && script.mark == "mark-7-")
    }

    @Test func script_sameSeed_isTheSame() {
        func scripts(_ seed: UInt64) -> [[SoakScript.Step]] {
            var random = SplitMix64(seed: seed)
            return (0..<50).map { SoakScript(number: $0, using: &random).steps }
        }
        #expect(scripts(5) == scripts(5))
        #expect(scripts(5) != scripts(6))
    }

    @Test func scripts_ofARun_haveEveryMannerAndBehaviour() {
        var random = SplitMix64(seed: 3)
        let scripts = (0..<2_000).map { SoakScript(number: $0, using: &random) }
        #expect(Set(scripts.map(\.manner)) == Set(SoakScript.Manner.allCases))
        #expect(Set(scripts.map(\.behaviour)) == Set(SoakScript.Behaviour.allCases))
    }

    /// The gateway takes every configuration that a soak may come to.
    @Test func site_anyChanges_isAGoodConfiguration() throws {
        let folder = TestFolder()
        let path = folder.file("sluice.yaml")
        var random = SplitMix64(seed: 9)
        var site = SoakSite()
        var seen: Set<String> = []
        for _ in 0..<60 {
            let text = site.yaml(workers: ["127.0.0.1:1001", "127.0.0.1:1002"], deafWorker: "127.0.0.1:1003")
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let settings = try SettingsFile.load(path)
            #expect(settings.pools.count == (site.hasExtraPool ? 3 : 2))
            seen.insert("\(site.hasExtraPool) \(site.hasRoomOnRaw)")
            site.change(using: &random)
        }
        #expect(seen.count == 4)
    }

    // MARK: The ledger

    private static let good = SoakLedger.Heard(status: 200, isGatewayError: false, isWaiting: false, hasMark: true)

    private static func problems(_ play: (inout SoakLedger) -> Void) -> [String] {
        var ledger = SoakLedger()
        play(&ledger)
        return ledger.problems.keys.sorted()
    }

    @Test func heard_goodResponses_areNoProblem() {
        let problems = Self.problems { ledger in
            ledger.heard(Self.good, by: Self.script(.plain))
            ledger.heard(
                .init(status: 200, isGatewayError: false, isWaiting: true, hasMark: false),
                by: Self.script(.post)
            )
            ledger.heard(
                .init(status: 429, isGatewayError: true, isWaiting: true, hasMark: false),
                by: Self.script(.post)
            )
            for status in [502, 503, 504] {
                let heard = SoakLedger.Heard(status: status, isGatewayError: true, isWaiting: false, hasMark: false)
                ledger.heard(heard, by: Self.script(.plain, .stall))
            }
            ledger.heard(
                .init(status: 400, isGatewayError: true, isWaiting: false, hasMark: false),
                by: Self.script(.garbage)
            )
        }
        #expect(problems.isEmpty)
    }

    @Test(
        arguments: [
            (200, false, false, .plain, "a response to somebody else's request"),
            (500, true, false, .plain, "status 500"), (502, false, false, .plain, "status 502 without Sluice-Error"),
            (400, true, false, .post, "a polite client gets 400"),
            (200, false, true, .garbage, "nonsense is taken for a request"),
        ] as [(Int, Bool, Bool, SoakScript.Manner, String)]
    )
    func heard_whatNobodyExpects_isAProblem(
        status: Int,
        isGatewayError: Bool,
        hasMark: Bool,
        manner: SoakScript.Manner,
        problem: String
    ) {
        let heard = SoakLedger.Heard(
            status: status,
            isGatewayError: isGatewayError,
            isWaiting: false,
            hasMark: hasMark
        )
        #expect(Self.problems { $0.heard(heard, by: Self.script(manner)) } == [problem])
    }

    @Test func missed_byAPoliteClientOfAGoodWorker_isAProblem() {
        #expect(
            !Self.problems { $0.missed(by: Self.script(.plain), hasBegun: false, mayBeCut: false, responses: 0) }
                .isEmpty
        )
        #expect(
            !Self.problems { $0.missed(by: Self.script(.plain), hasBegun: false, mayBeCut: true, responses: 0) }.isEmpty
        )
        #expect(
            Self.problems { $0.missed(by: Self.script(.plain), hasBegun: true, mayBeCut: true, responses: 0) }.isEmpty
        )
        #expect(
            Self.problems { $0.missed(by: Self.script(.plain, .cut), hasBegun: true, mayBeCut: false, responses: 0) }
                .isEmpty
        )
        #expect(
            Self.problems { $0.missed(by: Self.script(.resetInHead), hasBegun: false, mayBeCut: false, responses: 0) }
                .isEmpty
        )
        #expect(
            Self.problems { $0.missed(by: Self.script(.pipelined), hasBegun: true, mayBeCut: false, responses: 2) }
                .isEmpty
        )
    }

    @Test func memory_thatGrows_fails() {
        func holds(_ resident: (Int) -> Int) -> Bool {
            var ledger = SoakLedger()
            for index in 0...100 { ledger.sampled(.init(seconds: Double(index), residentBytes: resident(index))) }
            return ledger.checks.first { $0.name == "memory is flat" }!.holds
        }
        #expect(holds { _ in 100 << 20 })
        #expect(holds { (100 << 20) + ($0 << 10) })
        #expect(!holds { (100 << 20) + ($0 << 18) })
    }

    @Test func checks_mostPoliteRequestsUnserved_fail() {
        var ledger = SoakLedger()
        let refused = SoakLedger.Heard(status: 503, isGatewayError: true, isWaiting: false, hasMark: false)
        for index in 0..<10 { ledger.heard(index < 7 ? Self.good : refused, by: Self.script(.plain)) }
        #expect(ledger.checks.first { $0.name == "most polite requests are served" }?.holds == false)
    }
}
