import Primitives
import Testing

@testable import Observability

@Suite struct PrometheusTextTests {
    @Test func families_ofEveryKind_areWrittenAsTheFormatWants() {
        var text = PrometheusText()
        text.counter("requests_total", help: "All of them.", 3)
        text.family("in_flight", .gauge, help: "Now.\nReally \\.")
        text.sample(2, [(name: "pool", value: "a\"b\\c\nd")])
        text.sample(0.25, [(name: "pool", value: "x"), (name: "worker", value: "127.0.0.1:1")])
        text.gauge("huge", help: "Large.", 1e300)
        let expected = """
            # HELP requests_total All of them.
            # TYPE requests_total counter
            requests_total 3
            # HELP in_flight Now.\\nReally \\\\.
            # TYPE in_flight gauge
            in_flight{pool="a\\"b\\\\c\\nd"} 2
            in_flight{pool="x",worker="127.0.0.1:1"} 0.25
            # HELP huge Large.
            # TYPE huge gauge
            huge 1e+300

            """
        #expect(text.finished() == expected)
    }

    @Test func histogram_ofLatencies_isCumulativeInSeconds() {
        var latency = LatencyHistogram()
        for milliseconds in [2, 2, 40, 60_000] as [Int64] { latency.record(nanoseconds: milliseconds * 1_000_000) }
        var text = PrometheusText()
        text.family("wait_seconds", .histogram, help: "Waiting.")
        text.sample(latency, [(name: "room", value: "a")], boundsNanoseconds: [1_000_000, 5_000_000, 1_000_000_000])
        let expected = """
            # HELP wait_seconds Waiting.
            # TYPE wait_seconds histogram
            wait_seconds_bucket{room="a",le="0.001"} 0
            wait_seconds_bucket{room="a",le="0.005"} 2
            wait_seconds_bucket{room="a",le="1"} 3
            wait_seconds_bucket{room="a",le="+Inf"} 4
            wait_seconds_sum{room="a"} 60.044
            wait_seconds_count{room="a"} 4

            """
        #expect(text.finished() == expected)
    }

    @Test func page_thatIsFull_saysHowMuchIsMissing() {
        var text = PrometheusText()
        text.family("many", .gauge, help: "Many.")
        let value = String(repeating: "x", count: 1_000)
        for _ in 0..<5_000 { text.sample(1, [(name: "label", value: value)]) }
        let page = text.finished()
        #expect(page.utf8.count <= PrometheusText.maxBytes + 500)
        #expect(text.droppedSamples > 0)
        #expect(page.hasSuffix("sluice_metrics_dropped \(text.droppedSamples)\n"))
    }
}
