// What a dashboard's JSON must be: Grafana's own types, with the values of their enums as JSON has them.
import type { Dashboard } from '@grafana/schema';
import type * as raw from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type * as barchart from './node_modules/@grafana/schema/dist/types/raw/composable/barchart/panelcfg/x/types.gen';
import type * as stat from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type * as states from './node_modules/@grafana/schema/dist/types/raw/composable/statushistory/panelcfg/x/types.gen';
import type * as table from './node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import type * as text from './node_modules/@grafana/schema/dist/types/raw/composable/text/panelcfg/x/types.gen';
import type * as timeseries from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';

type Plain<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends (infer U)[]
      ? Plain<U>[]
      : T extends object
        ? { [K in keyof T]: Plain<T[K]> }
        : T;
type Some<T> = T extends object ? (T extends unknown[] ? T : { [K in keyof T]?: Some<T[K]> }) : T; // panels fill in the rest

export type Frame = Plain<Omit<Dashboard, 'panels'>>;
export type Row = Plain<raw.RowPanel>;
export type Panel = Plain<Omit<raw.Panel, 'options'>>;

export type barchartOptions = Some<Plain<barchart.Options>>;
export type barchartCustom = Some<Plain<barchart.FieldConfig>>;
export type statOptions = Some<Plain<stat.Options>>;
export type statushistoryOptions = Some<Plain<states.Options>>;
export type statushistoryCustom = Some<Plain<states.FieldConfig>>;
export type tableOptions = Some<Plain<table.Options>>;
export type tableCustom = Some<Plain<table.FieldConfig>>;
export type textOptions = Some<Plain<text.Options>>;
export type timeseriesOptions = Some<Plain<timeseries.Options>>;
export type timeseriesCustom = Some<Plain<timeseries.FieldConfig>>;
