/// The page's style sheet: light and dark by the reader's setting, light on paper. Texts of charts that may stand on what
/// is drawn have a rim of the card's colour, which keeps them readable.
enum PageStyle {
    static let css = """
        :root{--paper:#f6f5f1;--card:#fff;--ink:#1b1f24;--soft:#646b75;--faint:#9aa0a8;--hair:#e6e4dd;--grid:#eceae4;
        --blue:#2f6fd6;--teal:#118f93;--green:#2b8a4b;--amber:#d98a12;--red:#cf3a3f;--violet:#7a55c7;--grey:#8b919a;
        --goodwash:#e7f3ea;--badwash:#fbe9e8;--voidwash:#f3efe2;
        --sans:-apple-system,BlinkMacSystemFont,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;
        --mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
        @media screen and (prefers-color-scheme:dark){:root{--paper:#0f1216;--card:#171b21;--ink:#e8eaed;--soft:#9aa3ae;
        --faint:#6b7480;--hair:#262c34;--grid:#222830;--blue:#6ea3ff;--teal:#3fc3c0;--green:#5cc27f;--amber:#f0b04a;
        --red:#ff7b78;--violet:#ac8ff0;--grey:#848d99;--goodwash:#15281c;--badwash:#301a1b;--voidwash:#2b2617}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 var(--sans);
        font-variant-numeric:tabular-nums;
        -webkit-text-size-adjust:100%}
        main{max-width:1128px;margin:0 auto;padding:28px 24px 72px}
        header{display:flex;align-items:center;gap:10px;margin-bottom:22px;font-size:16px}
        header b{letter-spacing:-.01em}header span{color:var(--soft)}
        header em{margin-left:auto;font-style:normal;color:var(--soft);font-size:13px;text-align:right;line-height:1.45}
        .logo{width:26px;height:26px;fill:none;stroke:var(--ink);stroke-width:2.4;stroke-linecap:round}
        .logo .water{stroke:var(--blue)}
        h1{font-size:34px;line-height:1.15;letter-spacing:-.022em;margin:0 0 6px;font-weight:680}
        h2{font-size:22px;letter-spacing:-.015em;margin:46px 0 14px;font-weight:660}
        h3{font-size:15.5px;letter-spacing:-.005em;margin:0;font-weight:640}
        .lead{color:var(--soft);margin:-8px 0 16px}
        .card{background:var(--card);border:1px solid var(--hair);border-radius:14px;margin:0 0 14px;padding:18px 20px}
        .hero{display:flex;gap:22px;align-items:center;border-radius:18px;padding:28px 30px}
        .hero p{margin:0;font-size:16.5px;max-width:82ch}
        .hero.good{background:var(--goodwash)}.hero.bad{background:var(--badwash)}.hero.void{background:var(--voidwash)}
        .seal{flex:none;width:68px;height:68px;border-radius:50%;display:grid;place-items:center;color:var(--card)}
        .seal .glyph{width:40px;height:40px;stroke-width:2.6}
        .good .seal{background:var(--green)}.bad .seal{background:var(--red)}.void .seal{background:color-mix(in srgb,var(--amber) 66%,var(--ink))}
        .glyph{width:16px;height:16px;fill:none;stroke:currentColor;stroke-width:3.2;stroke-linecap:round;
        stroke-linejoin:round;display:block}
        .figures{display:flex;margin:22px 0;padding:0 6px}
        .figures div{flex:1;padding:0 18px;border-left:1px solid var(--hair)}
        .figures div:first-child{border:0}
        .figures b,.duel b{display:block;font-size:29px;line-height:1.2;letter-spacing:-.025em;font-weight:660}
        .figures span,.duel span{color:var(--soft);font-size:13.5px}
        .checks{padding:6px 20px 8px}
        .unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        table{border-collapse:collapse;width:100%}
        th{font-weight:500;font-size:12.5px;color:var(--soft);text-align:left;padding:10px 8px 6px}
        td{border-top:1px solid var(--hair);padding:10px 8px;vertical-align:middle}
        .n{text-align:right;white-space:nowrap}td.n{color:var(--soft)}td.measured{color:var(--ink);font-weight:640}
        td strong{font-weight:600;display:block;line-height:1.35}
        td small{color:var(--soft);font-size:13px;display:block;line-height:1.4}
        .badge{width:36px;padding-left:0}
        .badge span{display:grid;place-items:center;width:24px;height:24px;border-radius:50%}
        .good .badge span{background:var(--goodwash);color:var(--green)}
        .bad .badge span{background:var(--red);color:var(--card)}
        .void .badge span{background:var(--voidwash);color:color-mix(in srgb,var(--amber) 66%,var(--ink))}
        tr.bad td.measured{color:var(--red)}
        .meter{width:132px;padding-right:0}
        .bar{display:block;height:6px;border-radius:3px;background:var(--grid);overflow:hidden}
        .bar i{display:block;height:100%;border-radius:3px;background:var(--green)}
        tr.bad .bar i{background:var(--red)}
        .totals,.tables{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:14px 44px}
        dl{margin:8px 0 0}dl div{display:flex;align-items:baseline;padding:2.5px 0}
        dt{color:var(--soft);display:flex;flex:1;align-items:baseline;white-space:nowrap}
        dt::after{content:"";flex:1;border-bottom:2px dotted var(--hair);margin:0 8px;min-width:14px}
        dd{margin:0;font-weight:560;text-align:right;overflow-wrap:anywhere}
        figure.card{padding:16px 20px 10px;break-inside:avoid}
        figcaption{display:flex;justify-content:space-between;gap:24px;align-items:flex-start}
        figcaption>div{flex:1;min-width:0}
        figcaption p{margin:1px 0 4px;color:var(--soft);font-size:13.5px;max-width:84ch}
        .legend{max-width:52%;list-style:none;margin:2px 0 0;padding:0;display:flex;flex-wrap:wrap;
        justify-content:flex-end;gap:2px 16px;
        font-size:13px;color:var(--soft)}
        .legend li{display:flex;align-items:center;gap:6px;white-space:nowrap}
        .legend i{display:block;width:16px;color:var(--tone)}
        .legend .box{height:10px;width:10px;border-radius:3px;background:currentColor;opacity:.85}
        .legend .light{opacity:.3}.legend .stroke{border-top:2.5px solid}.legend .dotted{border-top-style:dotted}
        .legend .dashed{border-top-style:dashed}
        .calm p{margin:1px 0 8px;color:var(--soft);font-size:13.5px}
        .scroll{overflow-x:auto}.scroll:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
        svg[role]{display:block;width:100%;height:auto;overflow:visible;font-family:var(--sans)}
        .blue{--tone:var(--blue)}.teal{--tone:var(--teal)}.green{--tone:var(--green)}.amber{--tone:var(--amber)}
        .red{--tone:var(--red)}.violet{--tone:var(--violet)}.grey{--tone:var(--grey)}.ink{--tone:var(--ink)}
        .axis,.grid,.mark,.rule,.cursor{fill:none;stroke-width:1;vector-effect:non-scaling-stroke}
        .axis{stroke:var(--faint)}.grid{stroke:var(--grid)}
        .mark{stroke:var(--faint);stroke-dasharray:2 3}.rule{stroke:var(--red);stroke-dasharray:6 4;opacity:.75}
        .tick,.markLabel,.ruleLabel{font-size:12px;fill:var(--soft)}.ruleLabel{fill:var(--red)}
        .ruleLabel,.end,.readout{paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}
        .end{font-size:12.5px;font-weight:600;fill:color-mix(in srgb,var(--tone) 66%,var(--ink))}
        .line{fill:none;stroke:var(--tone);stroke-width:1.9;stroke-linejoin:round;stroke-linecap:round}
        .strong{stroke-width:2.3}.line.dotted{stroke-width:1.6;stroke-dasharray:.1 4.2}
        .line.dashed{stroke-width:1.7;stroke-dasharray:6 4;stroke-linecap:butt}
        .fill{fill:var(--tone);opacity:.16}.wash{fill:var(--tone);opacity:.09}.column{fill:var(--tone);opacity:.82}
        .ribbon{fill:var(--tone);opacity:.26}.node{fill:var(--tone)}
        .flowCount{font-size:17px;font-weight:660;fill:var(--ink);letter-spacing:-.01em}
        .flowLabel{font-size:13.5px;fill:var(--soft)}
        .strip{fill:transparent}.cursor{stroke:var(--ink);opacity:0}
        .readout{font-size:12.5px;fill:var(--ink);font-weight:560;opacity:0;white-space:pre;pointer-events:none}
        .readouts g:hover .cursor{opacity:.4}.readouts g:hover .readout{opacity:1}
        .versus{display:grid;grid-template-columns:1fr 1fr;gap:14px}
        .side{border:1px solid var(--hair);border-radius:14px;background:var(--card);
        padding:18px 20px 6px;margin-bottom:14px;min-width:0}
        .side h3 i{display:inline-block;width:10px;height:10px;border-radius:50%;background:var(--green);
        margin-right:8px}
        .side.direct h3 i{background:var(--red)}
        .side .card{border:0;padding:0;margin:14px 0 0}.side figcaption h3{font-size:13.5px;font-weight:560;
        color:var(--soft)}
        .duel{display:flex;gap:12px;margin-top:12px}.duel div{flex:1}.duel b{font-size:26px}
        .duel .worse{color:var(--red)}
        .note{font-size:13px;color:var(--soft);margin:8px 0 10px}
        pre{margin:0;padding:13px 16px;border-radius:10px;background:var(--paper);white-space:pre-wrap;
        overflow-wrap:anywhere;font:13.5px/1.5 var(--mono)}
        .again p{margin:12px 0 18px}
        @media screen and (max-width:760px){main{padding:18px 14px 48px}h1{font-size:26px}.hero{padding:20px;gap:16px}
        .seal{width:48px;height:48px}.seal .glyph{width:28px;height:28px}.figures{flex-wrap:wrap;gap:14px 0}
        .figures div{flex:1 0 40%;border:0;padding:0 8px}.meter{display:none}
        .totals,.tables,.versus{grid-template-columns:minmax(0,1fr)}
        .checks thead{display:none}.checks table,.checks tbody{display:block}
        .checks tr{display:grid;grid-template-columns:36px auto minmax(0,1fr);
        border-top:1px solid var(--hair);
        padding:10px 0}.checks tr:first-child{border:0}.checks td{border:0;padding:0}
        .checks td:nth-child(2){grid-column:2/4}
        .badge{grid-row:1/3}.checks td.measured{grid-column:2;text-align:left;padding-top:3px}
        .checks td.limit{text-align:left;white-space:normal;padding:3px 0 0 10px}td.limit::before{content:"limit "}
        td.asked::before{content:"asked for "}
        header em{display:none}figcaption{flex-direction:column;gap:4px}.legend{justify-content:flex-start;
        max-width:none}.scroll svg{min-width:720px}.side .scroll svg{min-width:400px}
        .tick,.markLabel,.ruleLabel,.end{font-size:15px}}
        @page{margin:14mm 12mm}
        @media print{body{background:#fff;font-size:12px;-webkit-print-color-adjust:exact;print-color-adjust:exact}
        main{padding:0;max-width:none}.card,.side,tr,.hero{break-inside:avoid}.checks{break-inside:auto}
        h2{break-after:avoid}
        h1{font-size:26px}.hero{padding:18px 20px}.hero p{font-size:13.5px}.figures b,.duel b{font-size:21px}
        .figures span,.duel span,td small,figcaption p,.legend{font-size:11px}.meter{width:80px}
        .totals,.tables{gap:10px 22px}.readouts{display:none}pre{border:1px solid var(--hair)}}
        """
}
