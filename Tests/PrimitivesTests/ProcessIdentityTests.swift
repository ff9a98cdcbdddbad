import Primitives
import Testing

@Suite struct ProcessIdentityTests {
    @Test func text_readBack_isTheSame() {
        let process = ProcessIdentity(place: "shop-1/9f.12", pid: 4_711, startTicks: .max)
        #expect(process.description == "shop-1/9f.12:4711:18446744073709551615")
        #expect(ProcessIdentity(process.description) == process)
        let odd = ProcessIdentity(place: "a:b/c", pid: 1, startTicks: 0)
        #expect(ProcessIdentity("a:b/c:1:0") == odd)
        for text in ["", "1:2", ":1:2", "a:0:2", "a:-1:2", "a:1:", "a:1:-2", "a:1:x", "a:99999999999:2"] {
            #expect(ProcessIdentity(text) == nil, "\(text)")
        }
    }

    /// A process may call itself anything.
    @Test func status_nameWithParentheses_countsFromItsEnd() {
        let numbers = (4...52).map(String.init).joined(separator: " ")
        let status = ProcessIdentity.status("17 (a) S 1 (b) Z \(numbers)")
        #expect(status?.isZombie == true && status?.group == 5 && status?.session == 6 && status?.startTicks == 22)
        #expect(ProcessIdentity.status("17 (a) S 4 5 6")?.startTicks == nil)
        #expect(ProcessIdentity.status("") == nil)
    }
}
