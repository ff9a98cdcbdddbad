import Glibc
import Primitives

/// What libFuzzer calls: one target of several, chosen by the environment variable `FUZZ_TARGET`.
///
/// A target returns when the input is judged as it should be, and traps otherwise; libFuzzer then writes the input to a
/// file. Inputs can also be given as files, to see what becomes of each.
enum FuzzTarget: String, CaseIterable {
    case request, response, exchange

    func judge(_ input: [UInt8]) {
        switch self {
        case .request: RequestFuzz.judge(input)
        case .response: ResponseFuzz.judge(input)
        case .exchange: ExchangeFuzz.judge(input)
        }
    }

    static let chosen: FuzzTarget = {
        let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = FuzzTarget(rawValue: name) else {
            let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
            fatalError("FUZZ_TARGET is '\(name)'; it has to be one of \(names)")
        }
        return target
    }()
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.judge(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

/// What must hold. The message goes before libFuzzer's report of the input.
func expect(_ holds: Bool, _ message: @autoclosure () -> String, line: Int = #line) {
    guard !holds else { return }
    fatalError("line \(line): \(message())")
}

func expectEqual<Value: Equatable>(
    _ one: Value,
    _ other: Value,
    _ what: @autoclosure () -> String,
    line: Int = #line
) {
    expect(one == other, "\(what()):\n  \(one)\n  \(other)", line: line)
}

/// Draws that depend on the input alone, so that the same input is always judged in the same way.
func draws(for input: [UInt8]) -> SplitMix64 { SplitMix64(seed: FNV1a.hash64(input)) }
